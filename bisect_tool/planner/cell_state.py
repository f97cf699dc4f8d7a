"""The state of one cell: its runs, the cells it depends on, and the search over its verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.planner import order_dependence
from bisect_tool.planner.cell_runs import CellRuns
from bisect_tool.planner.other_failure import other_failure
from bisect_tool.planner.types import Belief, SearchKey
from bisect_tool.search import Bisection, Culprit, Inference
from bisect_tool.search.earlier_runs import NO_EARLIER_RUNS
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner.types import Goal
    from bisect_tool.trial.result import TrialResult

_BELIEF_COMMITS = 5


@dataclass(frozen=True, eq=False)
class CellState:
    """A cell that ran at the failing end, after the trials so far; `culprits` are those of other cells."""

    goal: Goal
    cell: str
    cell_runs: CellRuns
    culprits: frozenset[str] = frozenset()

    @classmethod
    def of(cls, goal: Goal, cell: str, trials: Sequence[TrialResult]) -> CellState:
        """Rebuild the state of a cell from all trials of the session, in the order in which they ended."""
        return cls(goal, cell, CellRuns.of(goal, cell, trials))

    @cached_property
    def bisection(self) -> Bisection:
        """The Bayesian search over the commits; cells with equal runs and traceback files share it."""
        goal = self.goal
        frames = self.cell_runs.frames(goal.failing)
        verdicts = self.cell_runs.with_predecessors(self.prerequisites).observations(goal.retries)
        earlier = goal.earlier_runs(self.cell)
        several = self._has_several_failures
        key = SearchKey(frames, verdicts, earlier, several, self.culprits)
        if key not in goal.searches:
            weights = goal.prior(frames, self.culprits)
            # Files alone do not show which of several failures a later change reverted.
            landings = goal.announced if several else goal.landings
            prior = Inference(
                goal.dag, goal.bad, goal.goods, weights, goal.confidence, goal.fix, landings, earlier
            )
            goal.searches[key] = Bisection(prior.observe(*verdicts))
        return goal.searches[key]

    @property
    def known(self) -> Inference:
        """The inference from the cell's runs."""
        return self.bisection.known

    @cached_property
    def _has_several_failures(self) -> bool:
        """Whether a command failed in different ways, all of which count."""
        failing = {run.sha for run in self.cell_runs.runs if run.verdict is Verdict.BAD}
        return self.goal.by_exit_code and any(
            other_failure(self.cell_runs, (sha,), self.goal.failing) for sha in failing
        )

    @cached_property
    def dependence(self) -> order_dependence.Dependence:
        """The cells it depends on, as far as known, and the next run that tests for it."""
        if not self.goal.selects_cells:
            return order_dependence.Dependence()
        return order_dependence.dependence(self.cell_runs, self.cell)

    @property
    def prerequisites(self) -> tuple[str, ...]:
        """The cells that must run before this one for it to fail, in order; empty if there are none."""
        return self.dependence.prerequisites

    @cached_property
    def given_up(self) -> tuple[str, ...]:
        """The commits that are not run again, because too many of their runs gave no result."""
        return self.cell_runs.given_up(self.goal.retries)

    def failing_at(self, found: Culprit) -> tuple[str, ...]:
        """The commits that fail because of the culprit, or that still fail right before a fix."""
        return found.parents if self.goal.fix else (found.sha,)

    @property
    def left(self) -> tuple[str, ...]:
        """The possible first bad commits, assuming that every run is right (no flakiness).

        Further runs can only shrink the set. It is empty if runs contradict each other or the cell is
        order-dependent.
        """
        return () if self.prerequisites else self.known.consistent

    @property
    def disagreement(self) -> str:
        """Why no single commit is consistent with every run, as a phrase; empty if one is."""
        if self.left:
            return ""
        if self.prerequisites or self.cell_runs.conclusive(Verdict.BAD) & self.cell_runs.conclusive(
            Verdict.GOOD
        ):
            return "runs disagree"
        if self.fails_where_it_passes:
            return "it fails at the good end, too" if not self.goal.fix else "it fails at the fixed end, too"
        if self.goal.earlier_runs(self.cell) != NO_EARLIER_RUNS:
            return "runs and earlier results disagree"
        return "no commit explains all runs"

    @property
    def fails_where_it_passes(self) -> bool:
        """Whether the cell failed at a passing end, so that remaining steps cannot be estimated."""
        return bool(self.cell_runs.conclusive(Verdict.BAD).intersection(self.goal.passing))

    @property
    def belief(self) -> Belief:
        """The current posterior: the likeliest commits and the probability that there is no culprit."""
        posterior = self.known.posterior
        top = tuple(self.known.probabilities.items())[:_BELIEF_COMMITS]
        return Belief(self.cell, top, posterior.flaky + posterior.elsewhere, top[0][1] if top else 0.0)
