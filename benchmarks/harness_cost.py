"""The cost of the harness itself: a check that returns at once, in `git bisect run` and in bisect-run.

    python -m benchmarks.harness_cost --repo REPO [--rev REV] [--commits 1024] [--pairs 7]

The last commits of a real history are copied into a linear one in which every commit has its number in a file
(linear_copy.py), so that `read` in a shell script is the whole check. Both tools search the same range for
the same culprit, one after the other, in an order that changes from round to round; the first round does not
count, each round has another culprit, and a wrong answer ends the benchmark. Four ways, each measured from
the start of its program to its end:

- git, ready checkout: `git bisect start` and `git bisect run` in a checkout that is there already;
- git, new worktree: the same after the `git worktree add` that it needs where no checkout may be touched;
- bisect-run: with store and worktree of an earlier session, as every session but the first finds them;
- bisect-run, first run: with an empty BISECT_RUN_HOME, so that it makes store, repository and worktree, too.

Files of a round are kept until the last one: ext4 creates files several times slower right after removing
some.

bisect-run never touches the checkout, tests both ends, and confirms the culprit beside its parent; git does
none of it. CPU is user and system time of all processes.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.linear_copy import NUMBER_FILE, Linear, git, linear_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CHECK = f"""#!/bin/sh
read -r number < {NUMBER_FILE}
[ "$number" -lt %d ]
"""
_READY, _NEW, _WARM, _FIRST = (
    "git, ready checkout",
    "git, new worktree",
    "bisect-run",
    "bisect-run, first run",
)


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds of wall time, and of user and system time of all its processes."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Bench:
    """One history, and a scratch folder."""

    linear: Linear
    scratch: Path
    bisect_run: str

    def check(self, culprit: int) -> str:
        """A check that fails from this number on, as an executable file."""
        script = self.scratch / f"check-{culprit}"
        script.write_text(_CHECK % culprit)
        script.chmod(0o755)
        return str(script)

    def git_ready(self, culprit: int) -> Cost:
        """`git bisect run` in the copy's checkout, which is at the bad end before and after."""
        with _Clock() as clock:
            output = self._git_bisect(self.linear.path, culprit)
        git(self.linear.path, "bisect", "reset")
        self._verify(output, "{0} is the first bad commit", culprit)
        return clock.cost

    def git_new(self, culprit: int) -> Cost:
        """`git bisect run` in a worktree made for it."""
        tree = self.scratch / f"worktree-{culprit}"
        with _Clock() as clock:
            git(self.linear.path, "worktree", "add", "--quiet", "--detach", str(tree), self.linear.shas[-1])
            output = self._git_bisect(tree, culprit)
        self._verify(output, "{0} is the first bad commit", culprit)
        return clock.cost

    def ours(self, culprit: int) -> Cost:
        """A session in the home folder of earlier ones; their results are ignored."""
        return self._ours(self.scratch / "home", culprit)

    def ours_first(self, culprit: int) -> Cost:
        """A session in a new home folder."""
        return self._ours(self.scratch / f"home-{culprit}", culprit)

    def _git_bisect(self, tree: Path, culprit: int) -> bytes:
        git(tree, "bisect", "start", self.linear.shas[-1], self.linear.shas[0])
        return git(tree, "bisect", "run", self.check(culprit))

    def _ours(self, home: Path, culprit: int) -> Cost:
        ends = ("--good", self.linear.shas[0], "--bad", self.linear.shas[-1])
        command = (self.bisect_run, "--repo", str(self.linear.path), *ends, "--fresh")
        with _Clock() as clock:
            done = subprocess.run(
                (*command, "--", self.check(culprit)),
                capture_output=True,
                env={**os.environ, "BISECT_RUN_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""},
                check=False,
            )
        if done.returncode != 0:
            raise SystemExit(f"bisect-run ended with {done.returncode}:\n{done.stderr.decode()}")
        self._verify(done.stdout, "First bad  {0:.9}", culprit)
        return clock.cost

    def _verify(self, output: bytes, answer: str, culprit: int) -> None:
        sha = self.linear.shas[culprit]
        if answer.format(sha) not in output.decode():
            raise SystemExit(f"the culprit is {sha}, but the output is:\n{output.decode()}")


class _Clock:
    """Wall and CPU time between its two ends."""

    cost: Cost

    def __enter__(self) -> Self:
        self._cpu, self._wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cost = Cost(time.perf_counter() - self._wall, _cpu() - self._cpu)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(bench: Bench, rounds: int) -> dict[str, list[Cost]]:
    """The costs of all four, without the first round; each round has another culprit."""
    ways: Mapping[str, Callable[[int], Cost]] = {
        _READY: bench.git_ready,
        _WARM: bench.ours,
        _NEW: bench.git_new,
        _FIRST: bench.ours_first,
    }
    numbers = random.Random(0).sample(range(1, len(bench.linear.shas) - 1), rounds + 1)  # noqa: S311
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn, culprit in enumerate(numbers):
        order = tuple(ways) if turn % 2 else tuple(reversed(tuple(ways)))
        found = {name: ways[name](culprit) for name in order}
        if turn:
            for name, cost in found.items():
                costs[name].append(cost)
    return costs


def table(costs: Mapping[str, list[Cost]]) -> str:
    """Medians, and how they compare with either way of git; in brackets the range of the rounds' ratios."""
    lines = [
        f"| | wall s (min to max) | CPU s | / {_READY} | / {_NEW} |",
        "|---|---|---|---|---|",
    ]
    for name in (_READY, _NEW, _WARM, _FIRST):
        walls = [cost.wall for cost in costs[name]]
        cpu = statistics.median(cost.cpu for cost in costs[name])
        ratios = " | ".join(_ratio(walls, [cost.wall for cost in costs[peer]]) for peer in (_READY, _NEW))
        spread = f"{statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})"
        lines.append(f"| {name} | {spread} | {cpu:.2f} | {ratios} |")
    return "\n".join(lines)


def _ratio(ours: list[float], theirs: list[float]) -> str:
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ours) / statistics.median(theirs):.2f} ({min(pairs):.2f} to {max(pairs):.2f})"


def main() -> None:
    """Make the history, measure, print the table."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.harness_cost", description=(__doc__ or "").split("\n", 1)[0]
    )
    words.add_argument("--repo", type=Path, required=True, help="a checkout or git directory; only read")
    words.add_argument("--rev", default="HEAD", help="where the range ends")
    words.add_argument("--commits", type=int, default=1024, help="how many first-parent commits to search")
    words.add_argument("--pairs", type=int, default=7, help="rounds that count")
    words.add_argument("--bisect-run", default=str(Path(sys.executable).with_name("bisect-run")))
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bisect-harness-") as folder:
        scratch = Path(folder)
        linear = linear_copy(asked.repo, asked.rev, asked.commits, scratch / "history")
        version = git(linear.path, "version").decode().strip()
        bench = Bench(linear, scratch, asked.bisect_run)
        what = f"{len(linear.shas) - 1} commits, {linear.files} files a tree, {version}, {asked.pairs} rounds"
        sys.stdout.write(f"{what}\n\n{table(measure(bench, asked.pairs))}\n")


if __name__ == "__main__":
    main()
