"""What a search can end with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culprit:
    """The first bad commit, seen to be bad; those of its `parents` that can be tried were seen to be good.

    Where the history breaks more than once, it is the last breakage before the bad end, and `earlier` a
    commit that is bad although it does not have the culprit, with one that is good again although it descends
    from that (None if none was seen).
    """

    sha: str
    parents: tuple[str, ...]
    confidence: float
    earlier: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class Candidates:
    """The first bad commit is one of `shas`, ancestors first, with `confidence` in all of them together.

    No trial can tell them apart, because all but one at the most are `skipped`: they could not be tried. A
    single one that was skipped is what trials beside it imply, though it was not seen to fail.
    """

    shas: tuple[str, ...]
    skipped: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Flaky:
    """There is no culprit: the cell fails as often at every commit."""

    confidence: float


@dataclass(frozen=True)
class Contradiction:
    """`good` is or descends from `bad`, each repeats its answer, and no breakage in the range explains that.

    Both are the same where `bad` lies outside the range: a good end descends from it.
    """

    good: str
    bad: str
    confidence: float


@dataclass(frozen=True)
class Undecided:
    """So many runs that nothing will come of more: the commits that are left, the likeliest first."""

    shas: tuple[str, ...]


Conclusion = Culprit | Candidates | Flaky | Contradiction | Undecided
