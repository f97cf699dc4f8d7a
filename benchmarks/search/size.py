"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Full or quick.

    Attributes:
        runs: Searches per figure.
        real: Real searches per tool and length of range.
        linear: Commits of the linear history in which the next trial is chosen.
        merged: Those of the merged one.
    """

    runs: int
    real: int
    linear: int
    merged: int


FULL = Size(runs=500, real=2, linear=1_000_000, merged=20_000)
QUICK = Size(runs=20, real=1, linear=10_000, merged=1_000)
