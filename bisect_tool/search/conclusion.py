"""What a search can end with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culprit:
    """One candidate is left, it was seen to be bad, and all its `parents` are good."""

    sha: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Candidates:
    """The first bad commit is one of `shas`, ancestors first; those that are `skipped` could not be tried.

    At most one of them was tried and is bad. Nothing is left to try that could tell them apart.
    """

    shas: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Contradiction:
    """`good` is or descends from `bad`: the cell is flaky, or it was healed and broken again.

    Both are the same where `bad` lies outside the range: a good end descends from it.
    """

    good: str
    bad: str


Conclusion = Culprit | Candidates | Contradiction
