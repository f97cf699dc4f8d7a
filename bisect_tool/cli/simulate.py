"""`bisect-run simulate`: estimate the cost and accuracy of a search; builds nothing."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bisect_tool.errors import UsageError
from bisect_tool.options.declared_options import takes
from bisect_tool.options.simulate_options import SimulateOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from bisect_tool.expected_cost import PastTrial
    from bisect_tool.simulate.simulate import KnownRange, Noise, Summary

_MIN_CAPACITY = 1e-4

EXAMPLES = (
    "bisect-run simulate --candidates 100",
    "bisect-run simulate --candidates 100 --p-fail-bad 0.3 --runs 200",
)


@takes(SimulateOptions)
def simulate(options: SimulateOptions) -> int:
    """Simulate many searches to estimate their cost and accuracy.

    Counts every run, including those of the good and bad commits and those that confirm a culprit.
    """
    counts = options.slot_counts
    _check_searches(options)
    import numpy as np

    from bisect_tool.expected_cost import PastTrial
    from bisect_tool.render.simulation import render_simulation, render_slots
    from bisect_tool.simulate.simulate import Noise
    from bisect_tool.terminal import writer

    noise = Noise(options.p_fail_bad, options.p_fail_good)
    if noise.capacity < _MIN_CAPACITY or options.p_fail_bad <= options.p_fail_good:
        raise UsageError(
            "bad commits must fail more often than good ones",
            "Make --p-fail-bad greater than --p-fail-good.",
        )
    trial = PastTrial(options.trial_minutes * 60, gpus=options.trial_gpus)
    rng = np.random.default_rng(options.seed)
    searches = _searches(options, rng)
    began = time.monotonic()
    by_slots = {slots: _summary(options, searches, slots, noise, trial, deepcopy(rng)) for slots in counts}
    if options.as_json:
        writer.write(json.dumps(_document(options, searches, by_slots), indent=2))
    elif options.compares_slots:
        writer.show(render_slots(by_slots, trial, len(searches), time.monotonic() - began))
    else:
        (summary,) = by_slots.values()
        writer.show(render_simulation(summary, trial, len(searches), time.monotonic() - began))
    return 0


def _summary(
    options: SimulateOptions,
    searches: Sequence[KnownRange],
    slots: int,
    noise: Noise,
    trial: PastTrial,
    rng: np.random.Generator,
) -> Summary:
    """Simulate the searches with this number of slots, and summarise them."""
    import numpy as np

    from bisect_tool.simulate.simulate import SearchSettings, simulate_search, summarise
    from bisect_tool.terminal.progress_bar import counting

    settings = SearchSettings(options.confidence, slots, options.endpoint_runs)
    label = f"searches, --slots {slots}" if options.compares_slots else "searches"
    outcomes = [simulate_search(case, noise, settings, rng) for case in counting(searches, label)]
    bound = float(np.mean([noise.bound(len(case.dag.candidates), options.confidence) for case in searches]))
    return summarise(outcomes, bound, trial, slots)


def _document(
    options: SimulateOptions, searches: Sequence[KnownRange], by_slots: Mapping[int, Summary]
) -> dict[str, Any]:
    """Return the JSON document; with a range of slots, it has a list of results."""
    common = {"schema": 1, "command": "simulate", **_request(options, searches)}
    if options.compares_slots:
        rows = [{"slots": slots, **asdict(summary)} for slots, summary in by_slots.items()]
        return {**common, "slots": options.slots, "by_slots": rows}
    ((slots, summary),) = by_slots.items()
    return {**common, "slots": slots, **asdict(summary)}


def _check_searches(options: SimulateOptions) -> None:
    """Raise UsageError unless the options give either a number of candidates, or a history and its cases."""
    is_linear = options.candidates is not None
    if any((given is None) != is_linear for given in (options.history, options.cases)):
        raise UsageError(
            "no commits to search", "Use either --candidates, or --history and --cases together."
        )


def _searches(options: SimulateOptions, rng: np.random.Generator) -> Sequence[KnownRange]:
    """Return the ranges to search, each with its culprit."""
    from bisect_tool.simulate.searches import history_searches, linear_searches

    if options.candidates is not None:
        return linear_searches(options.candidates, options.runs, rng)
    assert options.history is not None
    assert options.cases is not None
    return history_searches(options.history, options.cases, options.runs, priors=not options.no_priors)


def _request(options: SimulateOptions, searches: Sequence[KnownRange]) -> dict[str, Any]:
    """Return the options, as the JSON document repeats them."""
    recorded = options.cases is not None
    return {
        "candidates": options.candidates,
        "cases": len({id(case) for case in searches}) if recorded else None,
        "p_fail_bad": options.p_fail_bad,
        "p_fail_good": options.p_fail_good,
        "runs": len(searches),
        "seed": options.seed,
        "confidence": options.confidence,
        "trial_minutes": options.trial_minutes,
        "trial_gpus": options.trial_gpus,
        "endpoint_runs": options.endpoint_runs,
        "priors": recorded and not options.no_priors,
    }
