"""Estimate the cost of a search at each executor from past trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.expected_cost import expected_cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.expected_cost import ExpectedCost, PastTrial, Schedule
    from bisect_tool.request import Request


@dataclass(frozen=True)
class ExecutorCost:
    """The expected cost of a search at one executor.

    Attributes:
        executor: Its name, as in `--executor`.
        slots: Trials that run in parallel.
        past_trials: The number of past trials that the cost is based on.
        costs: One for each forecast; empty without past trials.
        missing: Environments that are not built yet.
        builds_timed: Whether past trials include a build; otherwise the cost excludes builds.
    """

    executor: str
    slots: int
    past_trials: int
    costs: tuple[ExpectedCost, ...]
    missing: int = 0
    builds_timed: bool = False


def executor_costs(
    request: Request,
    forecasts: Sequence[Sequence[Schedule]],
    past: Mapping[str, Sequence[PastTrial]],
    missing: int,
) -> tuple[ExecutorCost, ...]:
    """Return the cost at the executor of the request, then at others that ran the same check."""
    own = request.executor
    names = (own, *(name for name in past if name != own))
    return tuple(_at(name, request.slots, forecasts, past.get(name, ()), missing) for name in names)


def _at(
    name: str, slots: int, forecasts: Sequence[Sequence[Schedule]], past: Sequence[PastTrial], missing: int
) -> ExecutorCost:
    found = (expected_cost(searches, past, slots, missing) for searches in forecasts)
    timed = any(trial.build_s is not None for trial in past)
    return ExecutorCost(name, slots, len(past), tuple(each for each in found if each), missing, timed)
