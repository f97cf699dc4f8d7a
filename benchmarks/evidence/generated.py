"""Made-up failures: some processes, a root, its effects, healthy lines, prefixes, clocks.

Each family prints the output of one program's processes when they fail (engines' and launchers' forms). The
processes' lines are merged by time, as one stream or as a log each; a collector may put its prefix before
them; clocks have a resolution, and those of different hosts differ.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.evidence.families import FAMILIES
from benchmarks.evidence.families.maker import START, Maker, Process
from benchmarks.evidence.wrappers import WRAPPERS
from bisect_tool.evidence import LogLine, explain_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.evidence import Failure

_SKEW_S = 0.2
"""How far the clocks of two hosts are apart at most: what follows comes later than that."""


@dataclass(frozen=True)
class Generated:
    """A failure that was made up: its lines, and text that the headline of its root has."""

    name: str
    lines: tuple[LogLine, ...]
    root: str

    def failure(self) -> Failure | None:
        """The failure that is found in it."""
        found = explain_log(self.lines)
        return found[0].failure if found else None

    def is_found(self) -> bool:
        """Whether the root that is found is the true one."""
        failure = self.failure()
        return failure is not None and self.root in failure.root.headline


_OTHERS = (
    "(EngineCore_DP7 pid=77) INFO 03-06 07:02:12 [loggers.py:257] Engine 007: Running: 3 reqs",
    "(Worker_DP7_TP0 pid=78) INFO 03-06 07:02:12 [gpu_worker.py:1] Available KV cache memory: 40.11 GiB",
    '(ApiServer_7 pid=79) INFO:     127.0.0.1:40644 - "POST /v1/completions HTTP/1.1" 200 OK',
)
"""What other processes print in the midst of a traceback: they name themselves."""
_HEALTHY = (
    "INFO 03-06 07:02:12 [loggers.py:257] Engine 000: Avg prompt throughput: 12.5 tokens/s, Running: 3 reqs",
    'INFO:     127.0.0.1:40644 - "POST /v1/completions HTTP/1.1" 200 OK',
    "[Gloo] Rank 0 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1",
    "Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:01<00:00,  1.51it/s]",
    "WARNING 03-06 07:02:12 [system_utils.py:287] Found ulimit of 20000 and failed to automatically increase",
    "/env/lib/python3.12/site-packages/a/__init__.py:30: UserWarning: Setuptools is replacing distutils.",
    "node:3966:3966 [0] NCCL INFO Bootstrap : Using eth0:172.17.0.3<0>",
)


def generate(seed: int) -> Generated:
    """The failure of a seed: families and prefixes alternate, the rest is drawn."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    family = list(FAMILIES)[seed % len(FAMILIES)]
    maker = Maker(chance)
    processes, root = FAMILIES[family](maker)
    noise = Process("noise")
    for _ in range(chance.randrange(12)):
        noise.print(chance.random() * 45, chance.choice(_HEALTHY))
    separate = chance.random() < 0.3
    if separate:
        return Generated(f"{seed} {family}, a log each", tuple(_apart([*processes, noise], chance)), root)
    wrapper = chance.choice(["", "", *WRAPPERS])
    lines = tuple(_merged([*processes, noise], wrapper, chance))
    return Generated(f"{seed} {family}, {wrapper or 'bare'}", lines, root)


def _merged(processes: Sequence[Process], wrapper: str, chance: random.Random) -> Iterator[LogLine]:
    """One stream, by time; lines of other processes come between lines printed at once."""
    prints = sorted((at, order, lines) for order, each in enumerate(processes) for at, lines in each.prints)
    woven: list[str] = []
    density = chance.choice((0.0, 0.0, 0.1, 0.3))
    for _, _, lines in prints:
        for line in lines:
            woven.append(line)
            if chance.random() < density:
                woven.append(chance.choice(_OTHERS))
    text = "\n".join(woven)
    wrapped = WRAPPERS[wrapper](text) if wrapper and wrapper != "indented" else text
    for number, line in enumerate(wrapped.split("\n"), 1):
        yield LogLine("log", 0.0, line, number)


def _apart(processes: Sequence[Process], chance: random.Random) -> Iterator[LogLine]:
    """A log for each process, in any order, seen as they were written; clocks differ a little."""
    seen: list[tuple[float, LogLine]] = []
    for process in processes:
        skew = (chance.random() - 0.5) * 2 * _SKEW_S
        number = 0
        for at, lines in process.prints:
            for line in lines:
                number += 1
                time = START.timestamp() + at + skew + number / 1e6
                seen.append((time, LogLine(process.name, time, line, number)))
    return (line for _, line in sorted(seen, key=lambda each: each[0]))


def misses(numbers: range) -> list[tuple[Generated, str]]:
    """The failures whose root was not found, with what was found instead."""
    missed = []
    for number in numbers:
        made = generate(number)
        if not made.is_found():
            failure = made.failure()
            missed.append((made, failure.root.headline if failure else "no failure"))
    return missed
