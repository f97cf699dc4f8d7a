"""Rounds that narrow with k slots, without noise, against the logarithm to the base k + 1."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from benchmarks.search import ours
from benchmarks.search.output import progress, table
from benchmarks.search.problem import Noise

if TYPE_CHECKING:
    from benchmarks.search.size import Size

CANDIDATES = (32, 128, 1024)
SLOTS = (1, 2, 4, 8)


def report(size: Size) -> str:
    """The table: rounds on average, and in brackets their ratio to log(k+1) n."""
    rows = []
    for candidates in CANDIDATES:
        cells: list[object] = [candidates]
        for slots in SLOTS:
            rounds = _rounds(candidates, slots, size.runs)
            least = log(candidates) / log(slots + 1)
            cells.append(f"{rounds:.2f} ({rounds / least:.2f})")
            progress(f"{candidates} commits, {slots} slots: {cells[-1]}")
        rows.append(cells)
    return table(("n", *(f"k = {slots}" for slots in SLOTS)), rows)


def _rounds(candidates: int, slots: int, runs: int) -> float:
    options = {"--candidates": candidates, "--slots": slots, "--runs": runs, "--seed": 1}
    return ours.simulate(Noise(), *(str(word) for option in options.items() for word in option)).rounds
