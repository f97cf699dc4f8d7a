"""The conclusions that a search can end with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culprit:
    """The first bad commit: it was seen to fail, and its testable `parents` to pass.

    If the history breaks more than once, it is the last breakage before the bad end. `earlier` is then a bad
    commit that does not descend from it, with a descendant of that commit that is good again (None if none
    was seen).
    """

    sha: str
    parents: tuple[str, ...]
    confidence: float
    earlier: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class Candidates:
    """The first bad commit is one of `shas`, ancestors first, with `confidence` in all of them together.

    No trial can distinguish them, because at most one of them is testable; the others are `skipped`. A
    single skipped commit follows from the trials of other commits, though it was not seen to fail.
    """

    shas: tuple[str, ...]
    skipped: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Flaky:
    """There is no culprit: the cell fails at the same rate at every commit."""

    confidence: float


@dataclass(frozen=True)
class Contradiction:
    """`good` is `bad` or descends from it, and no breakage in the range explains their runs.

    Both are the same commit if `bad` lies outside the range, below a good end.
    """

    good: str
    bad: str
    confidence: float


@dataclass(frozen=True)
class Undecided:
    """More runs would not help: the commits that are left, the likeliest first."""

    shas: tuple[str, ...]


Conclusion = Culprit | Candidates | Flaky | Contradiction | Undecided
