"""Row 7 of the fault table: a flood of log output."""

from __future__ import annotations

import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import Reason
from bisect_tool.supervise.logs import keep_log, packed_log, read_lines

MIB = 1 << 20


def test_flood_of_log(guard, count_times, figure, tmp_path):
    megabytes = count_times(32, 1024)
    run = guard("flood", str(megabytes), deadline_s=250.0)
    log = run.spec.stdout
    size, disk = log.stat().st_size, log.stat().st_blocks * 512
    memory, slowest = (float(line.split()[-2]) for line in run.log[-200:].splitlines()[-2:])
    first, *_, before, last = read_lines(log)
    left_out = keep_log(log, ())
    kept = packed_log(log)
    lines = gzip.decompress(kept.read_bytes()).decode(errors="replace").splitlines()
    figure(
        f"{size / MIB:.0f} MiB of log: slowest write {slowest:.2f} s, guardian {memory / 1024:.0f} MiB of "
        f"memory, {disk / MIB:.0f} MiB of disk, {kept.stat().st_size / MIB:.0f} MiB kept"
    )
    assert run.result.reason is Reason.EXITED
    assert size > (megabytes + 64) * MIB
    assert memory < 100 * 1024
    assert slowest < 60, "no write waits for the guardian"
    assert sum(map(len, lines)) < 17 * MIB
    assert lines[0] == first[1] == "the first line"
    assert any(f"{left_out} bytes left out" in text for text in lines)
    assert "not text" in lines[-3]
    assert lines[-1] == last[1]
    assert last[1].startswith("slowest write")
    assert first[0] <= before[0] <= last[0] <= run.result.ended + 1


def test_every_line_has_the_time_it_was_seen(guard, figure):
    run = guard("tick", "0.15", "8")
    lines = [(seen, float(text.split()[2])) for seen, text in read_lines(run.spec.stdout) if text]
    late = [seen - printed for seen, printed in lines]
    figure(f"lines are stamped at most {max(late):.3f} s late")
    assert len(late) == 8
    assert min(late) > -0.005
    assert lines[0][0] < lines[-1][1], "not all at the end"
    assert len({seen for seen, _ in lines}) > 1


def test_twenty_busy_logs_at_once(spec, wait_for, figure):
    """The guardian's own share of a core stays small."""
    made = spec("busy_logs", "logs", "20")
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_guarded, made, cancel)
        try:
            wait_for(lambda: made.stdout.exists() and "guardian" in made.stdout.read_text())
            guardian = int(made.stdout.read_text().split()[1])
            before, began = cpu_seconds(guardian), time.monotonic()
            time.sleep(2)
            share = (cpu_seconds(guardian) - before) / (time.monotonic() - began)
        finally:
            cancel.set()
        running.result()
    sidecars = list(made.watch.glob("*.times"))
    figure(f"{share:.1%} of a core for {len(sidecars)} logs")
    assert len(sidecars) == 21
    assert share < 0.3


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
