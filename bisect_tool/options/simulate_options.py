"""The options of `simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bisect_tool.options.shared_options import AsJson, Confidence, NoPriors

SimulatedSlots = Annotated[
    int, typer.Option("--slots", metavar="K", min=1, max=64, help="Number of parallel trials.")
]


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """The histories that are searched, how noisy their tests are, and how they are searched."""

    candidates: Annotated[
        int | None,
        typer.Option(
            "--candidates", metavar="N", min=1, max=1_000_000, help="Search a linear history of N commits."
        ),
    ] = None
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="FILE", help="A recorded history, one commit per line."),
    ] = None
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Ranges of --history with known culprits.")
    ] = None
    p_fail_bad: Annotated[
        float,
        typer.Option("--p-fail-bad", metavar="P", min=0.0, max=1.0, help="Failure rate of bad commits."),
    ] = 1.0
    p_fail_good: Annotated[
        float,
        typer.Option("--p-fail-good", metavar="P", min=0.0, max=1.0, help="Failure rate of good commits."),
    ] = 0.0
    runs: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", min=1, max=1_000_000, help="Number of searches, the same for each case."
        ),
    ] = 500
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed.")] = 1
    confidence: Confidence = 0.95
    slots: SimulatedSlots = 1
    endpoint_runs: Annotated[
        int,
        typer.Option(
            "--endpoint-runs", metavar="N", min=1, help="Runs of the bad commit before it counts as passing."
        ),
    ] = 20
    no_priors: NoPriors = False
    as_json: AsJson = False
