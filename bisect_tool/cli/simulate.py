"""`bisect-run simulate`: what a search would cost and how often it would be right; builds nothing."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options import shared_options

_LEAST_CAPACITY = 1e-4

EXAMPLES = (
    "bisect-run simulate --candidates 100",
    "bisect-run simulate --candidates 100 --p-fail-bad 0.3 --runs 200",
)


def simulate(
    candidates: Annotated[
        int | None,
        typer.Option(
            "--candidates", metavar="N", min=1, max=1_000_000, help="Search a linear history of N commits."
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="FILE", help="A recorded history, one commit per line."),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Ranges of --history with known culprits.")
    ] = None,
    p_fail_bad: Annotated[
        float,
        typer.Option("--p-fail-bad", metavar="P", min=0.0, max=1.0, help="Failure rate of bad commits."),
    ] = 1.0,
    p_fail_good: Annotated[
        float,
        typer.Option("--p-fail-good", metavar="P", min=0.0, max=1.0, help="Failure rate of good commits."),
    ] = 0.0,
    runs: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", min=1, max=1_000_000, help="Number of searches, the same for each case."
        ),
    ] = 500,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed.")] = 1,
    confidence: shared_options.Confidence = 0.95,
    slots: shared_options.Slots = 1,
    endpoint_runs: Annotated[
        int,
        typer.Option(
            "--endpoint-runs", metavar="N", min=1, help="Runs of the bad commit before it counts as passing."
        ),
    ] = 20,
    no_priors: shared_options.NoPriors = False,
    as_json: shared_options.AsJson = False,
) -> int:
    """Simulate many searches to estimate their cost and accuracy.

    Counts every run, including those of the good and bad commits and those that confirm a culprit.
    """
    import numpy as np

    from bisect_tool.render.simulation import render_simulation
    from bisect_tool.simulate.searches import in_a_history, in_a_line
    from bisect_tool.simulate.simulate import Noise, SearchSettings, simulate_search, summarise
    from bisect_tool.terminal import terminal
    from bisect_tool.terminal.progress_bar import counting

    noise, terms = Noise(p_fail_bad, p_fail_good), SearchSettings(confidence, slots, endpoint_runs)
    if noise.capacity < _LEAST_CAPACITY or p_fail_bad <= p_fail_good:
        raise UsageError(
            "bad commits must fail more often than good ones",
            "Make --p-fail-bad greater than --p-fail-good.",
        )
    chance = np.random.default_rng(seed)
    if candidates is not None and history is None and cases is None:
        searches = in_a_line(candidates, runs, chance)
    elif candidates is None and history is not None and cases is not None:
        searches = in_a_history(history, cases, runs, priors=not no_priors)
    else:
        raise UsageError(
            "no commits to search", "Use either --candidates, or --history and --cases together."
        )
    began = time.monotonic()
    played = [simulate_search(case, noise, terms, chance) for case in counting(searches, "searches")]
    bound = float(np.mean([noise.bound(len(case.dag.candidates), confidence) for case in searches]))
    summary = summarise(played, bound)
    if as_json:
        asked = {
            "candidates": candidates,
            "cases": len({id(case) for case in searches}) if cases else None,
            "p_fail_bad": p_fail_bad,
            "p_fail_good": p_fail_good,
            "runs": len(played),
            "seed": seed,
            "confidence": confidence,
            "slots": slots,
            "endpoint_runs": endpoint_runs,
            "priors": bool(cases) and not no_priors,
        }
        document = {"schema": 1, "command": "simulate", **asked, **asdict(summary)}
        terminal.write(json.dumps(document, indent=2))
    else:
        terminal.show(render_simulation(summary, len(played), time.monotonic() - began))
    return 0
