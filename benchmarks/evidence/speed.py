"""How fast logs are read, compared with `grep -c ERROR` on the same file in the same run."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.search.output import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_THROUGHPUT = (
    "(EngineCore_DP0 pid=7346) INFO 11-23 {hour:02}:{minute:02}:{second:02} [loggers.py:257] Engine 000: "
    "Avg prompt throughput: {a}.{b} tokens/s, Avg generation throughput: {c}.1 tokens/s, Running: {d} reqs, "
    "Waiting: 0 reqs, GPU KV cache usage: {e}.{b}%, Prefix cache hit rate: 0.0%"
)
_HEALTHY = (
    _THROUGHPUT,
    '(APIServer pid=7008) INFO:     127.0.0.1:4{f:04} - "POST /v1/completions HTTP/1.1" 200 OK',
    '(APIServer pid=7008) INFO:     10.0.0.{d}:4{f:04} - "GET /health HTTP/1.1" 200 OK',
)
_PREFIX = "(EngineCore_DP0 pid=7346) ERROR 11-23 09:45:02 [core.py:170]"
_FAILURE = (
    f"{_PREFIX} EngineCore encountered a fatal error.",
    f"{_PREFIX} Traceback (most recent call last):",
    f'{_PREFIX}   File "/opt/vllm/v1/engine/core.py", line 1092, in run_engine_core',
    f"{_PREFIX}     engine_core.run_busy_loop()",
    f"{_PREFIX} torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
)


def repeated(text: str, size: int) -> Iterator[str]:
    """A text repeated up to a size in characters."""
    for _ in range(size // len(text) + 1):
        yield text


def healthy(size: int, *, failing: bool) -> Iterator[str]:
    """The log of a healthy engine, up to a size; `failing`: with one failure in its middle."""
    written, number, failed = 0, 0, not failing
    while written < size:
        if not failed and written > size // 2:
            yield from (f"{line}\n" for line in _FAILURE)
            failed = True
        line = _line(number)
        written += len(line)
        number += 1
        yield line


def _line(number: int) -> str:
    clock = {"hour": number // 3600 % 24, "minute": number // 60 % 60, "second": number % 60}
    varied = {"a": number % 997, "b": number % 10, "c": number * 7 % 2003, "d": number % 251}
    line = _HEALTHY[number % len(_HEALTHY)]
    return f"{line.format(**clock, **varied, e=number % 100, f=number % 9973)}\n"


def speed_table(folder: Path, logs: Iterable[tuple[str, Iterable[str]]], rounds: int) -> str:
    """A row for each log, written into a folder: the best of some rounds."""
    rows = []
    for name, parts in logs:
        path = folder / "speed.log"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(parts)
        size = path.stat().st_size / 1e6
        ours = [_explained(path) for _ in range(rounds)]
        grep = min(_seconds(["grep", "-c", "ERROR", str(path)]) for _ in range(rounds))
        seconds, memory = min(seconds for seconds, _ in ours), max(memory for _, memory in ours)
        rate = f"{size / seconds:.1f}"
        rows.append((name, f"{size:.0f}", f"{seconds:.2f}", rate, f"{memory:.0f}", f"{size / grep:.0f}"))
    heading = ("log", "MB", "CPU s", "MB/s", "peak, MiB", "`grep -c ERROR`, MB/s")
    return table(heading, rows)


def _explained(path: Path) -> tuple[float, float]:
    """Processor seconds of reading a log, without those of starting Python, and the peak of memory in MiB."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from bisect_tool.evidence import explain_log\n"
        "from bisect_tool.log_input.files import LogFiles\n"
        "started = time.process_time()\n"
        "explain_log(LogFiles(sys.argv[1:], print).lines())\n"
        "seconds = time.process_time() - started\n"
        "print(seconds, Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    seconds, kibibytes = ran.stdout.split()
    return float(seconds), int(kibibytes) / 1024


def _seconds(command: list[str]) -> float:
    """Processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return max(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0.001)
