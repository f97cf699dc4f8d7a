"""Search for one cell's culprit: observe runs, plan the next ones, conclude."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.search import planning
from bisect_tool.search.run_values import RunValues
from bisect_tool.search.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.conclusion import Conclusion
    from bisect_tool.search.inference import Inference
    from bisect_tool.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Bisection:
    """The search for one cell's culprit; inference, stopping rule and run values are computed once."""

    known: Inference

    @cached_property
    def values(self) -> RunValues:
        """The value of the next run at each commit."""
        return RunValues(self.known)

    @cached_property
    def stopping(self) -> Stopping:
        """The stopping rule: the conclusion, and the runs missing for it."""
        return Stopping(self.known, self.values)

    def observe(self, *runs: tuple[str, Verdict]) -> Bisection:
        """The search after more runs; raises ValueError for a commit outside the range and its ends."""
        return Bisection(self.known.observe(*runs))

    def plan(self, k: int = 1, running: Sequence[str] = ()) -> tuple[str, ...]:
        """Up to `k` commits to run next, beside those at which a run is in progress; one may come twice."""
        return planning.plan(self.stopping, k, running)

    def conclude(self) -> Conclusion | None:
        """The answer, or None while there is something left to try."""
        return self.stopping.conclusion

    def steps_left(self) -> int:
        """Estimate how many more runs the search takes."""
        return planning.steps_left(self.stopping)
