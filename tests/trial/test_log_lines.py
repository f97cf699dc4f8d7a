"""Logs of a trial are read completely, in order of time, in bounded memory."""

import subprocess
import sys

from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.supervise.line_times import times_file
from bisect_tool.trial.log_lines import ALWAYS, Relevance, TrialLogs, merged_lines

MIB = 1 << 20
RELEVANCE = Relevance(PATTERNS.may_begin_event)
HEALTHY = "(EngineCore_DP0 pid=77) INFO 11-23 09:49:33 [core.py:1] step done, 4 requests, all is well\n"
ERROR = "(EngineCore_DP0 pid=77) ERROR 11-23 09:49:34 [core.py:1] KeyError: 'page'\n"


def write(folder, name, *lines):
    """A log of lines given as (time, text)."""
    log, end, stamps = folder / name, 0, []
    with log.open("w", encoding="utf-8") as file:
        for time, text in lines:
            end += file.write(f"{text}\n")
            stamps.append(f"{end} {time}\n")
    times_file(log).write_text("".join(stamps), encoding="utf-8")
    return log


def read(*logs, window=ALWAYS):
    return [(line.time, line.text) for line in merged_lines(logs, window, RELEVANCE)]


def test_lines_of_several_logs_are_merged_by_time(tmp_path):
    one = write(tmp_path, "1.log", (1.0, "error a"), (3.0, "error c"))
    two = write(tmp_path, "2.log", (2.0, "error b"), (4.0, "error d"))
    assert [text for _, text in read(one, two)] == ["error a", "error b", "error c", "error d"]


def test_only_lines_of_the_window_are_read(tmp_path):
    log = write(tmp_path, "1.log", *((float(second), f"error {second}") for second in range(9)))
    assert read(log, window=(2.0, 4.0)) == [(2.0, "error 2"), (3.0, "error 3"), (4.0, "error 4")]


def test_windows_in_any_order_have_the_lines_of_the_whole_log(tmp_path):
    written = [(float(second), f"error {second} {'x' * (second % 7) * 100}") for second in range(3000)]
    log, logs = write(tmp_path, "1.log", *written), TrialLogs()
    for window in [(2000.0, 2003.0), (5.0, 9.0), (2900.0, 9000.0), (0.0, 1.0), (1500.0, 1501.0)]:
        found = [(line.time, line.text, line.number) for line in logs.merged([log], window, RELEVANCE)]
        assert found == [
            (time, text.rstrip("\n"), int(time) + 1)
            for time, text in written
            if window[0] <= time <= window[1]
        ]


def test_clock_set_back_hides_no_line(tmp_path):
    log = write(tmp_path, "1.log", *((float(time), f"error {time}") for time in (5, 6, 1, 2, 7)))
    assert [text for _, text in read(log, window=(1.0, 2.0))] == ["error 1", "error 2"]


def test_healthy_lines_are_skipped_except_new_processes(tmp_path):
    log = tmp_path / "1.log"
    log.write_text("error: first\n" + "fine\n" * 60_000 + "(Worker pid=9) fine\n" + "fine\n" * 60_000)
    lines = list(merged_lines([log], ALWAYS, RELEVANCE))
    assert len(lines) < 30_000
    (named,) = [line for line in lines if "pid=9" in line.text]
    assert named.number == 60_002
    assert lines[-1].number == 120_002


def test_secret_of_a_log_is_masked(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    assert read(write(tmp_path, "1.log", (1.0, "error: hf_abcdefgh"))) == [(1.0, "error: ***")]


_COLLECT = """
import re, sys
from pathlib import Path
from bisect_tool.evidence import explain
from bisect_tool.trial.cell_outcomes import logged_events

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])


before = peak()
for folder in sys.argv[1:]:
    events = logged_events(sorted(Path(folder).glob("*.log")))
    root = explain(events, None, {}).root
    print(root.headline, root.line, peak() - before, sep="|")
"""
"""Print the root of each folder, and the KiB of memory used until then."""


def collect(*folders):
    ended = subprocess.run(
        [sys.executable, "-c", _COLLECT, *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    for line in ended.stdout.splitlines():
        headline, number, kib = line.split("|")
        yield headline, int(number), int(kib) / 1024


def test_root_in_the_middle_of_a_long_log_is_found(tmp_path):
    with (tmp_path / "1.log").open("w") as file:
        for part in (HEALTHY * 200_000, ERROR, HEALTHY * 200_000):
            file.write(part)
    ((headline, line, mib),) = collect(tmp_path)
    assert (headline, line) == ("KeyError: 'page'", 200_001)
    assert mib < 20


def test_memory_is_bounded_for_any_log(tmp_path):
    fillers = {
        "two bytes": "x\n",
        "no newline": "working\r",
        "errors": ERROR,
        "one line": "error " * 20_000,
        "long records": ERROR + '  File "a.py", line 3, in f\n' + "y" * 5000 + "\n",
    }
    for name, filler in fillers.items():
        (tmp_path / name).mkdir()
        for number in range(8):
            with (tmp_path / name / f"{number}.log").open("w") as file:
                file.write(filler * (MIB // len(filler)))
    found = collect(*(tmp_path / name for name in fillers))
    took = {name: mib for name, (_, _, mib) in zip(fillers, found, strict=True)}
    assert max(took.values()) < 40, took
