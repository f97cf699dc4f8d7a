"""Steps of the GPU check after the demo: `demo --gpu`, release times, two slots on one GPU, a killed tool.

Each step is a function that returns figures for the document; docs/how-to/gpu-check.md describes them.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from bisect_tool.errors import ExitCode
from bisect_tool.json_document.document import Document
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Sequence

    from bisect_tool.json_document.document import TrialReport

TOLERANCE = 8 << 20
"""Bytes by which an idle GPU's memory may differ from one look to the next."""
LIMIT_S = 20.0
"""How long a process may take to hold memory, and the driver to take it back."""
RUNS = 3
POLL_S = 0.02
NO_MEMORY = "less than desired GPU memory utilization"
LEFT_MEMORY = re.compile(r"gpu \S+: \d+ MiB")
HOLD = """
import sys, time, torch
held = torch.ones(int(sys.argv[1]), dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("holding", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class DemoGpu:
    """What `demo --gpu` reports about the cell that fails after another one.

    `culprit`: it named the commit of its history, and no other. `memory` has the bytes in use on the GPU
    before, at most during, and after each trial in which the cell failed.
    """

    culprit: bool
    root: str
    prerequisites: tuple[str, ...]
    leftovers: tuple[str, ...]
    memory: tuple[tuple[int, int, int | None], ...]
    trials: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the cell could not reserve memory, and GPU memory is named as what another one left."""
        names_memory = any(LEFT_MEMORY.fullmatch(left) for left in self.leftovers)
        return self.culprit and NO_MEMORY in self.root and bool(self.prerequisites) and names_memory


@dataclass(frozen=True)
class Release:
    """Seconds from a signal until the memory was free again; null if it was not within the limit."""

    signal: str
    held: int
    seconds: tuple[float | None, ...]
    median: float | None = field(init=False)

    def __post_init__(self) -> None:
        known = [each for each in self.seconds if each is not None]
        object.__setattr__(self, "median", round(median(known), 3) if known else None)

    @property
    def passed(self) -> bool:
        """Whether all memory came back, every time."""
        return None not in self.seconds


@dataclass(frozen=True)
class TwoSlots:
    """Outcomes of trials in two slots that shared the GPU, and whether two of them ran at the same time."""

    outcomes: tuple[str, ...]
    overlapped: bool
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether they ran at the same time and passed."""
        return self.overlapped and set(self.outcomes) == {"passed"}


@dataclass(frozen=True)
class KilledTool:
    """Bytes that the trial of a killed tool held, and the seconds until the GPU was free of them.

    `enough`: with so many bytes in use it was killed.
    """

    enough: int
    held: int
    seconds: float | None

    @property
    def passed(self) -> bool:
        """Whether it held that memory, and nothing was left on the device."""
        return self.held >= self.enough and self.seconds is not None


def demo_gpu(command: Sequence[str], culprit: str, limit_s: float) -> DemoGpu | None:
    """Run the demo of memory that a cell leaves behind; None if it printed no document."""
    began = time.monotonic()
    document = printed(command, limit_s)
    if document is None:
        return None
    failing = {name: cell for name, cell in document.cells.items() if cell.prerequisites}
    named = {cell.culprit.sha for cell in document.cells.values() if cell.culprit}
    return DemoGpu(
        culprit=document.exit_code == ExitCode.DONE and named == {culprit},
        root=document.failure.root.message if document.failure else "",
        prerequisites=tuple(dict.fromkeys(name for cell in failing.values() for name in cell.prerequisites)),
        leftovers=tuple(dict.fromkeys(left for cell in failing.values() for left in cell.leftovers)),
        memory=tuple(
            (use.before, use.peak, use.after)
            for trial in document.trials
            if any(trial.outcomes.get(cell) == Outcome.FAILED for cell in failing)
            for use in trial.gpu_memory
        ),
        trials=len(document.trials),
        seconds=round(time.monotonic() - began, 3),
    )


def printed(command: Sequence[str], limit_s: float) -> Document | None:
    """The document that a command prints; None if it does not end in time, or prints none."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        print(f"error: {shlex.join(command)} did not end within {limit_s:.0f} seconds", file=sys.stderr)
        return None
    return Document.model_validate_json(done.stdout) if done.stdout else None


def holder(size: int) -> tuple[str, ...]:
    """Start a process that holds so many bytes of the GPU, and prints a line when it does."""
    return (sys.executable, "-c", HOLD, str(size))


def release(used: Callable[[], int], command: Sequence[str], number: signal.Signals) -> Release:
    """Measure how long the driver takes to free a process's memory after a signal, several times."""
    held, seconds = 0, []
    for _ in range(RUNS):
        before = used()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()
            held = max(held, used() - before)
            process.send_signal(number)
            seconds.append(freed(used, before, process))
    return Release(number.name, held, tuple(seconds))


def freed(used: Callable[[], int], before: int, process: subprocess.Popen[str]) -> float | None:
    """Wait until no more than `before` is in use; returns the seconds, None if it takes too long."""
    began = time.monotonic()
    for passed in _ticks(began):
        process.poll()  # so that the kernel does not keep it
        if used() <= before + TOLERANCE:
            process.wait(LIMIT_S)
            return round(passed, 3)
    process.kill()
    process.wait(LIMIT_S)
    return None


def two_slots(command: Sequence[str], limit_s: float) -> TwoSlots | None:
    """Run trials in two slots on one GPU; None if the tool printed no document."""
    began = time.monotonic()
    document = printed(command, limit_s)
    if document is None:
        return None
    trials, spent = document.trials, round(time.monotonic() - began, 3)
    return TwoSlots(tuple(trial.outcome for trial in trials), overlap(trials), spent)


def overlap(trials: Sequence[TrialReport]) -> bool:
    """Whether trials of different slots ran at the same time."""
    spans = [(trial.slot, _start(trial), _start(trial) + trial.seconds) for trial in trials]
    return any(one[0] != two[0] and one[1] < two[2] and two[1] < one[2] for one in spans for two in spans)


def _start(trial: TrialReport) -> float:
    return datetime.fromisoformat(trial.started).timestamp()


def killed_tool(used: Callable[[], int], command: Sequence[str], enough: int) -> KilledTool:
    """Kill the tool with SIGKILL while its trial holds so many bytes, and wait until they are free."""
    before = used()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True)
    held = 0
    for _ in _ticks(time.monotonic()):
        held = used() - before
        if held >= enough or process.poll() is not None:
            break
    process.kill()
    return KilledTool(enough, held, freed(used, before, process))


def _ticks(began: float) -> Iterator[float]:
    """Yield the seconds since `began` until the limit."""
    while (passed := time.monotonic() - began) < LIMIT_S:
        yield passed
        time.sleep(POLL_S)
