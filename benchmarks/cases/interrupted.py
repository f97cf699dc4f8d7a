"""Searches that are interrupted, moved, or run concurrently."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_CODE = ("sh", "-c", "exit $(cat code)")
_SLOW = "#!/bin/sh\nsleep 2\nexit $(cat code)\n"


def budget(project: Projects) -> Questions:
    """A budget that ends the search, then `resume`."""
    made = project()
    good, *_ = made.series(*[0] * 10)
    culprit, *_ = made.series(*[1] * 9)
    asked = search(good, made.head, *_CODE, options=("--budget-trials", "3"))
    yield Question("--budget-trials 3", made, asked, Expected((3,)))
    yield Question("resume", made, ("resume",), Expected((0, 3), culprit, or_none=True))


def moved(project: Projects) -> Questions:
    """The checkout has moved when the search is resumed."""
    made = project()
    good, *_ = made.series(*[0] * 6)
    culprit, *_ = made.series(*[1] * 5)
    asked = search(good, made.head, *_CODE, options=("--budget-trials", "3"))
    yield Question("--budget-trials 3", made, asked, Expected((3,)))
    there = made.at(made.path.rename(made.path.parent / "moved"))
    repo = ("--repo", str(there.path))
    expected = Expected((0, 3), culprit, or_none=True)
    yield Question("resume --repo", there, ("resume", *repo), expected)


def edited_check(project: Projects) -> Questions:
    """The check is edited between interrupt and `resume`."""
    made = project()
    good, *_ = made.series(*[0] * 6)
    made.series(*[1] * 5)
    check = made.script("#!/bin/sh\nexit $(cat code)\n")
    asked = search(good, made.head, check, options=("--budget-trials", "3"))
    yield Question("--budget-trials 3", made, asked, Expected((3,)))
    made.script("#!/bin/sh\nexit 0\n")
    yield Question("resume", made, ("resume",), Expected((2,), matches=("check.sh",)))


def two_at_once(project: Projects) -> Questions:
    """Two searches of one repository at the same time, each with its own home."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    culprit, _, bad = made.series(1, 1, 1)
    other = made.at(made.path)
    other.home = made.home.with_name("other-home")
    slow = search(good, bad, made.script(_SLOW))

    def first() -> subprocess.CompletedProcess[bytes]:
        return made.run(slow, {}, ".")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        yield Question("the second", other, search(good, bad, *_CODE), Expected((0,), culprit))
        running.result()
    yield Question("the first", made, ("report",), Expected((0,), culprit))


def killed(project: Projects) -> Questions:
    """The process is killed during a trial, so that it cannot clean up."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    culprit, _, bad = made.series(1, 1, 1)
    slow = made.script(_SLOW)
    with made.started(search(good, bad, slow)) as running:
        lines = iter(running.stderr or ())
        next(line for line in lines if "narrow " in line)
        running.kill()
    yield Question("resume", made, ("resume",), Expected((0,), culprit))


CASES = (
    Case("budget", "CI jobs with a time limit", budget),
    Case("moved", "cancelled CI jobs, resumed elsewhere", moved),
    Case("edited-check", "a check that is repaired on the way", edited_check),
    Case("killed", "CI jobs that are cancelled", killed),
    Case("two-at-once", "two searches of one repository", two_at_once),
)
