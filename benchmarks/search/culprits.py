"""Runs and accuracy on known culprits of a real history, for every tool."""

from __future__ import annotations

from math import log2
from random import Random
from typing import TYPE_CHECKING

from benchmarks.search import ours
from benchmarks.search.output import progress, table
from benchmarks.search.peers.all import peers
from benchmarks.search.problem import Noise, Problem, figures
from benchmarks.search.windows import windows

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.search.size import Size

NOISES = (Noise(1, 0), Noise(0.95, 0.05))
SEED = 1


def report(size: Size, history: Path, cases: Path) -> str:
    """The table; without noise a peer is deterministic, so every case is searched once."""
    ranges = windows(history, cases)
    tools = peers()
    rows = []
    for noise in NOISES:
        times = 1 if noise == Noise(1, 0) else max(1, size.runs // len(ranges))
        draw = Random(SEED)  # noqa: S311 (repeatable, no secret)
        asked = [
            Problem(window.candidates, window.culprit, noise, draw.getrandbits(64))
            for window in ranges
            for _ in range(times)
        ]
        found = _ours(noise, history, cases, len(asked))
        rows.append(
            (
                noise,
                *(figures(asked, solve(asked)) for solve in tools.values()),
                f"**{found.trials:.1f} ({found.accuracy:.2f})**",
                f"{found.midpoints:.2f}",
            )
        )
        progress(f"{len(asked)} searches of known culprits, {noise}")
    mean = sum(log2(window.candidates) for window in ranges) / len(ranges)
    header = ("P(fail bad), P(fail good)", *tools, "**bisect-run**", "of these, midpoints")
    return f"{len(ranges)} culprits, log2 n = {mean:.2f} on average.\n\n{table(header, rows)}"


def _ours(noise: Noise, history: Path, cases: Path, runs: int) -> ours.Ours:
    seeded = ("--runs", str(runs), "--seed", str(SEED))
    return ours.simulate(noise, "--history", history, "--cases", cases, *seeded)
