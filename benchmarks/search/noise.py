"""Runs and accuracy under noise, for every tool."""

from __future__ import annotations

import time
from math import log2
from typing import TYPE_CHECKING

from benchmarks.search import bound, ours
from benchmarks.search.output import progress, table
from benchmarks.search.peers.all import peers
from benchmarks.search.problem import Noise, figures, problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.search.size import Size

ROWS = (
    (32, Noise(1, 0)),
    (32, Noise(0.95, 0.05)),
    (32, Noise(0.6, 0.1)),
    (128, Noise(1, 0)),
    (128, Noise(0.95, 0.05)),
    (128, Noise(0.6, 0.02)),
    (128, Noise(0.3, 0)),
    (31, Noise(0.2, 0)),
    (31, Noise(0.1, 0)),
)
ENDPOINT_RUNS = 60
"""As many as it takes until a failure that shows in one run of ten has shown at the bad end."""
SEED = 1
CONFIDENCE = 0.95


def report(size: Size, chosen: Sequence[tuple[int, Noise]] = ROWS) -> str:
    """The table: runs of the test on average, and in brackets how often the culprit was named."""
    tools = peers()
    rows = []
    for candidates, noise in chosen:
        asked = problems(candidates, noise, size.runs, SEED)
        cells: list[object] = [candidates, noise]
        for name, solve in tools.items():
            began = time.monotonic()
            few = asked[: size.peer_runs]
            cells.append(figures(few, solve(few)))
            progress(f"{candidates} commits, {noise}: {name}: {cells[-1]} in {_since(began)}")
        began = time.monotonic()
        found = _ours(candidates, noise, size.runs)
        cells += [
            f"**{found.trials:.1f} ({found.accuracy:.3f})**",
            f"{found.right_among_named:.3f}",
            f"{found.claimed:.3f}",
        ]
        progress(f"{candidates} commits, {noise}: bisect-run: {cells[-3]} in {_since(began)}")
        rows.append((*cells, reference(candidates, noise)))
    return table((*_HEAD, *tools, "**bisect-run**", "right among named", "claimed", "reference"), rows)


_HEAD = ("n", "P(fail bad), P(fail good)")


def reference(candidates: int, noise: Noise) -> str:
    """The bound of information theory; without noise, that of halving."""
    if noise == Noise(1, 0):
        return f"{log2(candidates):.0f} and confirmation"
    return f"{bound.runs(candidates, noise, CONFIDENCE):.1f}"


def _ours(candidates: int, noise: Noise, runs: int) -> ours.Ours:
    options = ("--candidates", str(candidates), "--runs", str(runs), "--seed", str(SEED))
    options += ("--endpoint-runs", str(ENDPOINT_RUNS))
    return ours.simulate(noise, *options)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"
