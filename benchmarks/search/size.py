"""The amount of searches that are measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Full or quick.

    Attributes:
        runs: Searches of bisect-run per figure.
        peer_runs: Searches of every other tool per figure of the table of noise.
        stated: Searches of bisect-run per row of the table of stated confidence.
        real: Real searches per tool and length of range.
        linear: Commits of the linear history in which the next trial is chosen.
        merged: Those of the merged one.
    """

    runs: int
    peer_runs: int
    stated: int
    real: int
    linear: int
    merged: int


FULL = Size(runs=2_000, peer_runs=200, stated=500, real=2, linear=1_000_000, merged=20_000)
QUICK = Size(runs=20, peer_runs=20, stated=20, real=1, linear=10_000, merged=1_000)
