"""`bisect-run simulate`: what a search would cost and how often it would be right; builds nothing."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bisect_tool.errors import UsageError
from bisect_tool.options.declared import takes
from bisect_tool.options.simulate_options import SimulateOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bisect_tool.simulate.simulate import KnownRange

_LEAST_CAPACITY = 1e-4

EXAMPLES = (
    "bisect-run simulate --candidates 100",
    "bisect-run simulate --candidates 100 --p-fail-bad 0.3 --runs 200",
)


@takes(SimulateOptions)
def simulate(options: SimulateOptions) -> int:
    """Simulate many searches to estimate their cost and accuracy.

    Counts every run, including those of the good and bad commits and those that confirm a culprit.
    """
    _check_searches(options)
    import numpy as np

    from bisect_tool.render.simulation import render_simulation
    from bisect_tool.simulate.simulate import Noise, SearchSettings, simulate_search, summarise
    from bisect_tool.terminal import terminal
    from bisect_tool.terminal.progress_bar import counting

    noise = Noise(options.p_fail_bad, options.p_fail_good)
    settings = SearchSettings(options.confidence, options.slots, options.endpoint_runs)
    if noise.capacity < _LEAST_CAPACITY or options.p_fail_bad <= options.p_fail_good:
        raise UsageError(
            "bad commits must fail more often than good ones",
            "Make --p-fail-bad greater than --p-fail-good.",
        )
    chance = np.random.default_rng(options.seed)
    searches = _searches(options, chance)
    began = time.monotonic()
    played = [simulate_search(case, noise, settings, chance) for case in counting(searches, "searches")]
    bound = float(np.mean([noise.bound(len(case.dag.candidates), options.confidence) for case in searches]))
    summary = summarise(played, bound)
    if options.as_json:
        document = {"schema": 1, "command": "simulate", **_asked(options, searches), **asdict(summary)}
        terminal.write(json.dumps(document, indent=2))
    else:
        terminal.show(render_simulation(summary, len(played), time.monotonic() - began))
    return 0


def _check_searches(options: SimulateOptions) -> None:
    """Raise UsageError unless there are either ranges in a line, or ranges in a history, to search."""
    in_a_line = options.candidates is not None
    if any((given is None) != in_a_line for given in (options.history, options.cases)):
        raise UsageError(
            "no commits to search", "Use either --candidates, or --history and --cases together."
        )


def _searches(options: SimulateOptions, chance: np.random.Generator) -> Sequence[KnownRange]:
    """The ranges to search, each with its culprit."""
    from bisect_tool.simulate.searches import in_a_history, in_a_line

    if options.candidates is not None:
        return in_a_line(options.candidates, options.runs, chance)
    assert options.history is not None
    assert options.cases is not None
    return in_a_history(options.history, options.cases, options.runs, priors=not options.no_priors)


def _asked(options: SimulateOptions, searches: Sequence[KnownRange]) -> dict[str, Any]:
    """The request, as the JSON document repeats it."""
    recorded = options.cases is not None
    return {
        "candidates": options.candidates,
        "cases": len({id(case) for case in searches}) if recorded else None,
        "p_fail_bad": options.p_fail_bad,
        "p_fail_good": options.p_fail_good,
        "runs": len(searches),
        "seed": options.seed,
        "confidence": options.confidence,
        "slots": options.slots,
        "endpoint_runs": options.endpoint_runs,
        "priors": recorded and not options.no_priors,
    }
