"""What a search can end with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culprit:
    """One candidate is left, it is bad, and all its `parents` are good."""

    sha: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Candidates:
    """The first bad commit is one of `shas` (ancestors first); all but the last of them are `skipped`."""

    shas: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Contradiction:
    """`good` is or descends from `bad`: the cell is flaky, or it was healed and broken again."""

    good: str
    bad: str


Conclusion = Culprit | Candidates | Contradiction
