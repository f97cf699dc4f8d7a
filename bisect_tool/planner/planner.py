"""The interface of all planners: choose the trials of a session, and report its state."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.planner.types import State, Step
    from bisect_tool.trial.result import TrialResult


class Planner(Protocol):
    """Chooses the trials of a session. Pure: the same trials lead to the same choice."""

    @property
    def failing(self) -> tuple[str, ...]:
        """The commits at which the check must start: if it cannot, that is a usage error."""

    def decide(self, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
        """Return the state after these trials, with the trial to start beside those that run."""

    def current_state(self, trials: Sequence[TrialResult]) -> State:
        """The state of a session that may be unfinished, with provisional conclusions."""

    def conclude_early(self, trials: Sequence[TrialResult]) -> State:
        """Return the final state if a budget is used up before everything is concluded."""

    def with_extra_retries(self, trials: Sequence[TrialResult]) -> Planner:
        """Return the planner of a resumed session, which retries trials lost to the machine."""

    def with_environments(
        self, environments: Mapping[str, str], cached: frozenset[str], downloads: frozenset[str], /
    ) -> Planner:
        """Return the planner with the environment of each commit, and those that need no compilation.

        Args:
            environments: The environment that each commit needs.
            cached: The environments that are built already.
            downloads: The commits whose build uses a published wheel.
        """


def infrastructure_failures(trials: Sequence[TrialResult]) -> int:
    """Return the largest number of infrastructure failures at one commit."""
    lost = Counter(trial.sha for trial in trials if trial.outcome is Outcome.INFRASTRUCTURE)
    return max(lost.values(), default=0)
