"""The search for one cell's culprit: its conclusion, its required run, and the value of other runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.planner import order_dependence
from bisect_tool.planner.cell_runs import CellRuns
from bisect_tool.planner.other_failure import other_failure, to_run_again
from bisect_tool.planner.testable_from import next_above, oldest_of
from bisect_tool.planner.types import Belief, CellConclusion, Finding, Purpose, Step
from bisect_tool.search import (
    IDLE_BITS,
    Bisection,
    Candidates,
    Conclusion,
    Contradiction,
    Culprit,
    Flaky,
    Inference,
    Undecided,
)
from bisect_tool.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bisect_tool.planner.types import Goal
    from bisect_tool.trial.result import TrialResult

_CONFIRMING_BITS = 1.0
"""What a run that confirms is worth beside runs that narrow."""

_BUSY = "it only missed deadlines there, while the machine was busy ({}): run it on a quiet machine"
_SHOWN = 5
_IN_VAIN = 2
_ENOUGH = 0.1
"""A cell takes part in a trial that tells it this much of what the best one would."""


@dataclass(frozen=True, eq=False)
class CellSearch:
    """The search for the culprit of one cell that ran at the failing end."""

    goal: Goal
    cell: str
    cell_runs: CellRuns

    @classmethod
    def of(cls, goal: Goal, cell: str, trials: Sequence[TrialResult]) -> CellSearch:
        """Rebuild the search of a cell from all trials of the session, in the order in which they ended."""
        return cls(goal, cell, CellRuns.of(goal, cell, trials))

    @cached_property
    def bisection(self) -> Bisection:
        """The Bayesian search over the commits; cells with equal runs and traceback files share it."""
        goal = self.goal
        frames = self.cell_runs.frames(goal.failing)
        seen = self.cell_runs.after(self.after).observations(goal.retries)
        other = self._fails_otherwise
        if (frames, seen, other) not in goal.searches:
            suspicion = {each.sha: each.weight for each in goal.suspicions(frames)}
            taken_back = goal.announced if other else goal.landings
            prior = Inference(
                goal.dag, goal.bad, goal.goods, suspicion, goal.confidence, goal.fix, taken_back
            )
            goal.searches[frames, seen, other] = Bisection(prior.observe(*seen))
        return goal.searches[frames, seen, other]

    @property
    def known(self) -> Inference:
        """What the runs say of the commits."""
        return self.bisection.known

    @cached_property
    def _fails_otherwise(self) -> bool:
        """Whether a command failed in two ways: then the files do not tell which of them was taken back."""
        failing = {run.sha for run in self.cell_runs.runs if run.verdict is Verdict.BAD}
        return self.goal.by_exit_code and any(
            other_failure(self.cell_runs, (sha,), self.goal.failing) for sha in failing
        )

    @property
    def after(self) -> tuple[str, ...]:
        """The cells that must run before this one for it to fail, in order; empty if there are none."""
        return self._dependence.after

    @cached_property
    def _dependence(self) -> order_dependence.Dependence:
        return order_dependence.dependence(self.cell_runs, self.cell)

    @cached_property
    def conclusion(self) -> CellConclusion | None:
        """The conclusion for the cell, or None while its search is open."""
        found = self._at_the_ends()
        return found if found is not None or self.required is not None else self._answer

    @property
    def _answer(self) -> CellConclusion | None:
        """What the search ended with."""
        concluded = self.bisection.conclude()
        return None if concluded is None else self._concluded(concluded)

    @cached_property
    def required(self) -> Step | None:
        """The trial that must run before the search can continue, regardless of what other runs are worth."""
        return self._to_go_on or self._to_compare

    @cached_property
    def _to_compare(self) -> Step | None:
        """The run that is missing before the commit found is said to fail in another way."""
        found = self.bisection.conclude()
        if not self.goal.by_exit_code or not isinstance(found, Culprit):
            return None
        sha = to_run_again(self.cell_runs, self._failing_at(found), self.goal.failing)
        return Step(sha, (self.cell,), Purpose.CONFIRM) if sha else None

    def _failing_at(self, found: Culprit) -> tuple[str, ...]:
        """The commits whose failure is that of the one found."""
        return found.parents if self.goal.fix else (found.sha,)

    @cached_property
    def _to_go_on(self) -> Step | None:
        given_up = self.cell_runs.given_up(self.goal.retries)
        for step in (
            order_dependence.isolation(self.goal, self.cell_runs, self.cell),
            self._dependence.missing,
        ):
            if step is not None and step.sha not in given_up:
                return step
        if end := self.known.unverified_end or self._unheard_end(given_up):
            return Step(end, (self.cell,), Purpose.GOOD_END)
        if sha := self._next_above_silence:
            return Step(sha, (self.cell,), Purpose.NARROW)
        found = self.bisection.conclude()
        if isinstance(found, Culprit) and not self.after:
            pair = (found.sha, *found.parents)
            for sha in pair:
                if sha not in given_up and order_dependence.failed_only_with_predecessors(
                    self.goal, self.cell_runs, sha
                ):
                    return Step(sha, (self.cell,), Purpose.CONFIRM)
        return None

    def _unheard_end(self, given_up: Collection[str]) -> str | None:
        """A passing end to be heard before more is tried in vain: it may have nothing to say, either."""
        if self.cell_runs.conclusive(Verdict.GOOD) or len(given_up) < _IN_VAIN:
            return None
        ran = {run.sha for run in self.cell_runs.runs}
        return next((end for end in self.goal.passing if end not in ran), None)

    def values(self, running: Sequence[str]) -> dict[str, float]:
        """Information gain (bits) of a run at each commit, by sha; commits with no gain are left out.

        `running` are the commits at which this cell is running now.
        """
        if self.required is not None:
            return {self.required.sha: _CONFIRMING_BITS}
        if due := self._due(running):
            return dict.fromkeys(due, _CONFIRMING_BITS)
        bits = self.bisection.values.beside(running)
        worth = {
            sha: float(value)
            for sha, value in zip(self.goal.dag.candidates, bits[:-1], strict=True)
            if value > 0.0
        }
        end = self.known.good_end
        return worth if end is None else {**worth, end: float(bits[-1])}

    def purpose(self, sha: str) -> Purpose:
        """Why the search asks for a run at this commit."""
        if self.required is not None:
            return self.required.purpose
        if self.bisection.stopping.confirmation or not self.known.narrowing:
            return Purpose.CONFIRM
        if sha in self.goal.failing:
            return Purpose.BAD_END
        return Purpose.GOOD_END if sha in self.goal.passing else Purpose.NARROW

    def wanted(self, running: Sequence[str]) -> dict[str, float]:
        """The commits at which the cell should take part in a trial, with the gain of each in bits.

        Only commits worth at least a tenth of the best one are included.
        """
        values = self.values(running)
        idle = IDLE_BITS if running else 0.0
        least = max(_ENOUGH * max(values.values(), default=0.0), idle)
        return {sha: value for sha, value in values.items() if value >= least}

    @property
    def left(self) -> tuple[str, ...]:
        """The possible first bad commits, assuming that every run is right (no flakiness).

        Further runs can only shrink the set. It is empty if runs contradict each other or the cell is
        order-dependent.
        """
        return () if self.after else self.known.consistent

    @property
    def disagreement(self) -> str:
        """Why no single commit is consistent with every run, as a phrase; empty if one is."""
        if self.left:
            return ""
        if self.after or self.cell_runs.conclusive(Verdict.BAD) & self.cell_runs.conclusive(Verdict.GOOD):
            return "runs disagree"
        if self.fails_where_it_passes:
            return (
                "it fails at the good end, too"
                if not self.goal.fix
                else "it fails at the end said to be fixed"
            )
        return "no commit explains all runs"

    @property
    def fails_where_it_passes(self) -> bool:
        """Whether the cell failed at a passing end, so that remaining steps cannot be estimated."""
        return bool(self.cell_runs.conclusive(Verdict.BAD).intersection(self.goal.passing))

    @property
    def belief(self) -> Belief:
        """The current posterior: the likeliest commits and the probability that there is no culprit."""
        known = self.known.posterior
        top = tuple(self.known.probabilities.items())[:_SHOWN]
        return Belief(self.cell, top, known.flaky + known.elsewhere, top[0][1] if top else 0.0)

    def settled(self, why: str) -> CellConclusion:
        """The conclusion if the search stopped now; `why` it stopped becomes the note of an open cell."""
        found = self.conclusion or (None if self._to_go_on else self._answer)
        if found is not None and (found.finding is not Finding.GREEN or self._shown_green):
            return found
        if not self.known.reproduced:
            return replace(self._base, finding=Finding.UNVERIFIED, note=f"{why}, and it did not fail yet")
        kept = set(self.known.consistent or self.known.credible_set)
        left = {sha: chance for sha, chance in self.known.probabilities.items() if sha in kept}
        return replace(
            self._base,
            finding=Finding.CANDIDATES,
            candidates=tuple(left),
            probabilities=tuple(left.values()),
            skipped=self.cell_runs.skipped(),
            note=why,
        )

    @property
    def _shown_green(self) -> bool:
        """Whether the cell passed at the failing end as often as it takes to believe it."""
        runs = self.cell_runs.at(self.goal.failing)
        return sum(run.verdict is Verdict.GOOD for run in runs) >= self.goal.endpoint_runs

    @cached_property
    def _base(self) -> CellConclusion:
        goal, cell_runs = self.goal, self.cell_runs
        return CellConclusion(
            self.cell,
            Finding.GREEN,
            good=cell_runs.counts(goal.passing),
            bad=cell_runs.counts(goal.failing),
            failure=cell_runs.failure(*goal.failing),
            after=self.after,
        )

    def _at_the_ends(self) -> CellConclusion | None:
        """What the ends alone say; None where a commit is to be searched for."""
        goal, base = self.goal, self._base
        failing, passing = self.cell_runs.at(goal.failing), self.cell_runs.at(goal.passing)
        if any(run.verdict is Verdict.BAD for run in failing):
            return self._unheard(base) if goal.goods else replace(base, finding=Finding.UNVERIFIED)
        if any(run.verdict is Verdict.GOOD for run in failing):
            swapped = any(run.verdict is Verdict.BAD for run in passing)
            note = "it fails at the passing end and passes at the failing one: ends swapped?"
            if swapped:
                return replace(base, finding=Finding.ALWAYS_RED, note=note)
            busy = next((run.busy for run in failing if run.doubtful), "")
            note = f"it missed a deadline once, while the machine was busy ({busy}), and passes besides"
            return replace(base, note=note) if busy else base
        note = self._silence("an end", goal.failing)
        return replace(base, finding=Finding.UNVERIFIED, note=note)

    def _unheard(self, base: CellConclusion) -> CellConclusion | None:
        """A passing end that was tried in vain, where no commit at all was seen to pass.

        Any that passes shows as much. So the search goes on until it is over, or others tell nothing either.
        """
        silent = self._silent_ends
        if not silent or self._next_above_silence:
            return None
        if not self._in_vain and not self._leads_to(silent) and self.bisection.conclude() is None:
            return None
        note = self._silence(f"the passing end {silent[0][:9]}", silent)
        oldest = oldest_of(self.goal.dag, self.cell_runs.conclusive(Verdict.BAD))
        if self._in_vain and oldest and not self.goal.fix:
            note += f"; {oldest[:9]} is the oldest commit that could be tested, and it fails there"
        return replace(base, finding=Finding.UNVERIFIED, note=note)

    @cached_property
    def _silent_ends(self) -> tuple[str, ...]:
        """The passing ends that gave no result, if no commit was seen to pass."""
        if self.cell_runs.conclusive(Verdict.GOOD):
            return ()
        said = dict(self.cell_runs.observations(self.goal.retries))
        return tuple(end for end in self.goal.passing if said.get(end) is Verdict.SKIP)

    @property
    def _in_vain(self) -> bool:
        """Whether at least two commits inside the range gave no result either."""
        others = set(self.cell_runs.given_up(self.goal.retries)).difference(self.goal.passing)
        return len(others) >= _IN_VAIN

    @cached_property
    def _next_above_silence(self) -> str | None:
        """The commit that tells whether what told nothing reaches up to what fails."""
        if not self._silent_ends or not self._in_vain or self.goal.fix:
            return None
        silent = self.cell_runs.given_up(self.goal.retries)
        return next_above(self.goal.dag, silent, self.cell_runs.conclusive(Verdict.BAD))

    def _leads_to(self, silent: Collection[str]) -> bool:
        """Whether only these are left below what was seen to fail."""
        left = self.known.consistent
        return bool(left) and all(parent in silent for sha in left for parent in self.goal.dag.parents[sha])

    def _silence(self, end: str, shas: Collection[str]) -> str:
        """The note that an end gave no result, with the reason."""
        why = next((reason for sha, reason in self.cell_runs.skipped() if sha in shas and reason), "")
        return f"{end} gave no result for it" + (f": {why}" if why else "")

    def _due(self, running: Sequence[str]) -> tuple[str, ...]:
        """The runs that confirm, less those under way."""
        left = list(self.bisection.stopping.confirmation)
        for sha in running:
            if sha in left:
                left.remove(sha)
        return tuple(left)

    def _concluded(self, found: Conclusion) -> CellConclusion:
        base = replace(self._base, skipped=self.cell_runs.skipped())
        if isinstance(found, Culprit):
            return self._unverified_parent(base, found) or self._culprit(base, found)
        if isinstance(found, Flaky):
            return self._no_culprit(base, found)
        if isinstance(found, Contradiction):
            return self._outside_the_range(base, found)
        chance = self.known.probabilities
        note = "these runs do not distinguish them" if isinstance(found, Undecided) else ""
        return replace(
            base,
            finding=Finding.CANDIDATES,
            candidates=found.shas,
            probabilities=tuple(chance.get(sha, 0.0) for sha in found.shas),
            confidence=found.confidence if isinstance(found, Candidates) else None,
            note=note,
        )

    def _outside_the_range(self, base: CellConclusion, found: Contradiction) -> CellConclusion:
        """What broke, or was fixed, did so below the range, or more than once."""
        base = replace(base, confidence=found.confidence)
        if found.bad in self.goal.goods and not self.goal.fix:
            return self._always_red(base, f"it fails at the good end {found.bad[:9]} as well")
        if found.good == found.bad:
            does, again = self._does_and_does_again
            note = f"it {does} at {found.bad[:9]} already, outside the range, and {again} above it"
        else:
            note = self._non_monotonic(found.bad, found.good)
        return replace(base, finding=Finding.UNVERIFIED, note=note)

    @property
    def _does_and_does_again(self) -> tuple[str, str]:
        """What the cell does at a commit that is broken, and at one that is sound."""
        return ("passes", "fails") if self.goal.fix else ("fails", "passes")

    def _non_monotonic(self, broken: str, sound: str | None) -> str:
        """That the history breaks more than once, and where that was seen."""
        does, again = self._does_and_does_again
        back = f" and {again} again at {sound[:9]}" if sound else " already"
        return f"the history is non-monotonic: it {does} at {broken[:9]}{back}"

    def _unverified_parent(self, base: CellConclusion, found: Culprit) -> CellConclusion | None:
        """A culprit right above an end that told nothing: what lies under that is cleared by name alone."""
        heard = self.cell_runs.conclusive(Verdict.GOOD, Verdict.BAD)
        silent = [sha for sha in found.parents if sha in self.goal.goods and sha not in heard]
        if not silent:
            return None
        note = f"the end {silent[0][:9]} gave no result for it"
        return replace(base, finding=Finding.UNVERIFIED, note=note)

    def _culprit(self, base: CellConclusion, found: Culprit) -> CellConclusion:
        place = self.goal.dag.index[found.sha]
        known = self.known.posterior
        above, below = float(known.p_fail_bad[place]), float(known.p_fail_good[place])
        seen = self._failing_at(found)
        after = [self.goal.dag.candidates[other] for other in self.goal.dag.descendants(place)]
        other = other_failure(self.cell_runs, seen, self.goal.failing) if self.goal.by_exit_code else None
        busy = self.cell_runs.in_doubt(seen)
        notes = (
            _BUSY.format(busy) if busy else base.note,
            self._non_monotonic(*found.earlier) if found.earlier else "",
        )
        return replace(
            base,
            finding=Finding.SUSPECT if other or busy else Finding.CULPRIT,
            busy=busy,
            culprit=found.sha,
            candidates=(found.sha,),
            probabilities=(float(known.commits[place]),),
            confidence=found.confidence,
            rates=None if found.earlier else (below, above) if self.goal.fix else (above, below),
            broken=None if self.goal.fix else self.cell_runs.after(self.after).counts(after),
            failure=self.cell_runs.failure(*seen) or base.failure,
            note="; ".join(filter(None, notes)),
            other_failure=other,
        )

    def _no_culprit(self, base: CellConclusion, found: Flaky) -> CellConclusion:
        if not self.cell_runs.conclusive(Verdict.GOOD):
            base = replace(base, confidence=found.confidence)
            return self._always_red(base, f"it fails the same way at the passing end{self._ended_with}")
        note = "it fails as often at every commit"
        if busy := self.cell_runs.in_doubt({run.sha for run in self.cell_runs.runs}):
            note += f", and only by missing deadlines while the machine was busy ({busy})"
        return replace(base, finding=Finding.FLAKY, note=note, confidence=found.confidence)

    def _always_red(self, base: CellConclusion, note: str) -> CellConclusion:
        """It fails at the passing end, too; of a command it is said how, where it does so in another way."""
        ends = (self.goal.passing, self.goal.failing)
        other = other_failure(self.cell_runs, *ends) if self.goal.by_exit_code else None
        if other is not None:
            how = f"{other.found}; at the failing end {other.failing_end}"
            note = f"it fails at the passing end in another way: {how}"
        return replace(base, finding=Finding.ALWAYS_RED, note=note, otherwise=other is not None)

    @property
    def _ended_with(self) -> str:
        """The exit code of a command at the failing end, as the end of a sentence."""
        failure = self.cell_runs.failure(*self.goal.failing)
        return f": {failure.signature.exit}" if failure and failure.signature.exit else ""


def is_spoiled(trial: TrialResult) -> bool:
    """Whether a trial gave no result because of the machine or the build."""
    return trial.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE)
