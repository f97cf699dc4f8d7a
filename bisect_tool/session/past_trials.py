"""Read past trials of the same check from the store, to estimate the cost of a search."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool.expected_cost import PastTrial
from bisect_tool.request import Request
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from bisect_tool.session.store import Store
    from bisect_tool.trial.result import TrialResult

_MOST = 100
"""The number of newest trials to read: enough for an estimate, and fast."""

_NO_RESULT = (Outcome.UNBUILDABLE, Outcome.INFRASTRUCTURE)


def past_trials(store: Store, request: Request) -> Mapping[str, tuple[PastTrial, ...]]:
    """Return trials of the same scenario and profile (else of the same command or job), by executor.

    Trials of newer sessions come first. Those without a result are left out, and so are results that CI had.
    """
    found: defaultdict[str, list[PastTrial]] = defaultdict(list)
    check = _check(request)
    for row in store.sessions():
        try:
            asked = Request.model_validate_json(row.request)
        except ValidationError:  # another version stored it
            continue
        trials = found[asked.executor] if _check(asked) == check else None
        if trials is not None and len(trials) < _MOST:
            results = (each.result for each in store.trials(row.id))
            trials += [_past_trial(each) for each in results if _is_measured(each)]
    return {name: tuple(trials[:_MOST]) for name, trials in found.items() if trials}


def _is_measured(result: TrialResult) -> bool:
    """Whether its duration is that of a trial; a result that CI already had is stored with none."""
    return result.outcome not in _NO_RESULT and not result.is_free


def _past_trial(result: TrialResult) -> PastTrial:
    """Return the durations of a trial: tests, and build if the environment was not cached."""
    build_s = None if result.environment_reused else result.build_seconds
    return PastTrial(max(result.seconds - result.build_seconds, 0.0), build_s, result.gpus)


def _check(request: Request) -> Hashable:
    """Return a key of the check of a request, without commits and cells."""
    if job := request.check.as_job:
        return job.service, job.pipeline or job.repository, job.workflow, job.job
    if request.scenario is None:
        return request.repo, request.check.command
    return request.scenario, request.profile
