"""The campaign: what to run next for all cells at once, and what the trials so far say. Pure.

Everything is decided from the list of trials that ran, so a resumed session takes up exactly where it was.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.evidence import Failure, Signature, classify, telling
from bisect_tool.search import Bisection, Candidates, Contradiction, Culprit, Dag, Endpoints, EndState
from bisect_tool.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.trial.result import TrialResult


_RED = (Outcome.FAILED, Outcome.HUNG)


class Purpose(StrEnum):
    """Why a trial is run."""

    BAD_END = "bad end"
    GOOD_END = "good end"
    NARROW = "narrow"
    CONFIRM = "confirm"


class Finding(StrEnum):
    """How the search for one cell's culprit ended."""

    CULPRIT = "culprit"
    CANDIDATES = "candidates"
    GREEN = "green"
    ALWAYS_RED = "always red"
    FLAKY = "flaky"
    ORDER_DEPENDENT = "order dependent"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Goal:
    """What is to be found out, and with how many runs."""

    dag: Dag
    goods: tuple[str, ...]
    bad: str
    endpoint_runs: int = 2
    confirm_runs: int = 2
    retries: int = 1


@dataclass(frozen=True)
class Step:
    """The next trial: `cells` None runs every cell that was asked for."""

    sha: str
    cells: tuple[str, ...] | None
    purpose: Purpose


@dataclass(frozen=True)
class EndCounts:
    """Runs of a cell at one end: how many passed or failed, and how many failed (with any signature)."""

    runs: int
    failed: int


@dataclass(frozen=True)
class CellConclusion:
    """What the trials say of one cell.

    `candidates` holds what is left (one sha for a culprit); `skipped` the commits that told nothing, with the
    reason; `failure` is the evidence at the culprit, else at the bad end.
    """

    cell: str
    finding: Finding
    good: EndCounts
    bad: EndCounts
    culprit: str | None = None
    candidates: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    note: str = ""


@dataclass(frozen=True)
class State:
    """Where the campaign stands.

    `step` is the trial to begin now; without one the campaign is over, or waits for trials that are running.
    `likely` are commits of which one will probably be tried next: their builds may be prepared.
    """

    step: Step | None
    conclusions: tuple[CellConclusion, ...]
    remaining: tuple[str, ...]
    steps_left: int
    over: bool = False
    likely: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Judged:
    sha: str
    verdict: Verdict
    outcome: Outcome
    reason: str
    failure: Failure | None
    before: frozenset[str]
    """The cells that ran before it in the same trial."""


def decide(goal: Goal, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
    """What the trials so far say of every cell, and which trial to begin beside those that are running."""
    if running:
        return State(None, (), goal.dag.candidates, 0)
    step = _endpoint_step(goal, trials)
    if step is not None:
        return State(step, (), goal.dag.candidates, _steps_before_narrowing(goal, trials))
    searches = [_CellSearch.of(goal, cell, trials) for cell in _cells(goal, trials)]
    open_ones = [(search, search.next) for search in searches if search.next is not None]
    conclusions = tuple(search.conclusion for search in searches if search.conclusion is not None)
    if not open_ones:
        return State(None, conclusions, (), 0, over=True)
    lead, step = max(open_ones, key=lambda pair: pair[0].steps_left)
    sharing = tuple(search.cell for search, _ in open_ones if search.wants(step.sha))
    return State(replace(step, cells=sharing), conclusions, lead.remaining, lead.steps_left)


def granting_retries(goal: Goal, trials: Sequence[TrialResult]) -> Goal:
    """The goal of a resumed session: what the machine spoiled before may be tried anew."""
    spoiled = Counter(trial.sha for trial in trials if trial.outcome is Outcome.INFRASTRUCTURE)
    return replace(goal, retries=goal.retries + max(spoiled.values(), default=0))


def _endpoint_step(goal: Goal, trials: Sequence[TrialResult]) -> Step | None:
    if _lacks_runs(goal, goal.bad, trials):
        return Step(goal.bad, None, Purpose.BAD_END)
    if not _any_red(goal, trials):
        return None
    for good in goal.goods:
        if _lacks_runs(goal, good, trials):
            return Step(good, None, Purpose.GOOD_END)
    return None


def _lacks_runs(goal: Goal, sha: str, trials: Sequence[TrialResult]) -> bool:
    """Whether an end needs another run; runs that yielded nothing are repeated a few times, then given up."""
    at = [trial for trial in trials if trial.sha == sha]
    useful = sum(trial.outcome not in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE) for trial in at)
    unbuildable = any(trial.outcome is Outcome.UNBUILDABLE for trial in at)
    return not unbuildable and useful < goal.endpoint_runs and len(at) - useful <= goal.retries


def _any_red(goal: Goal, trials: Sequence[TrialResult]) -> bool:
    return any(cell.outcome in _RED for trial in trials if trial.sha == goal.bad for cell in trial.cells)


def _steps_before_narrowing(goal: Goal, trials: Sequence[TrialResult]) -> int:
    ends = (goal.bad, *goal.goods)
    done = sum(trial.sha in ends for trial in trials)
    narrowing = (len(goal.dag.candidates) - 1).bit_length()
    afterwards = narrowing + goal.confirm_runs if goal.goods else 0
    return max(goal.endpoint_runs * len(ends) - done, 1) + afterwards


def _cells(goal: Goal, trials: Sequence[TrialResult]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(cell.cell for trial in trials if trial.sha == goal.bad for cell in trial.cells)
    )


def _judge(
    cell: str, trials: Sequence[TrialResult], investigated: frozenset[Signature]
) -> tuple[_Judged, ...]:
    judged = []
    for trial in trials:
        result = trial.cell(cell)
        if result is not None:
            judgement = classify(result.outcome, result.failure, investigated)
            reason = result.reason or judgement.reason
            names = [each.cell for each in trial.cells]
            before = frozenset(names[: names.index(cell)] if cell in names else ())
            judged.append(
                _Judged(trial.sha, judgement.verdict, result.outcome, reason, result.failure, before)
            )
    return tuple(judged)


def _investigated(goal: Goal, cell: str, trials: Sequence[TrialResult]) -> frozenset[Signature]:
    """The signatures under investigation: what tells the cell's failures at the bad end from others.

    What the machine spoiled there has evidence, too, but is nothing to look for.
    """
    results = [trial.cell(cell) for trial in trials if trial.sha == goal.bad]
    failures = [result.failure for result in results if result is not None and result.outcome in _RED]
    return frozenset(signature for failure in failures if failure for signature in telling(failure))


@dataclass(frozen=True)
class _CellSearch:
    """One cell's search, rebuilt from the trials."""

    cell: str
    conclusion: CellConclusion | None
    next: Step | None = None
    remaining: tuple[str, ...] = ()
    steps_left: int = 0
    bisection: Bisection | None = None

    def wants(self, sha: str) -> bool:
        """Whether a trial at `sha` tells this cell something."""
        return self.next is not None and (self.next.sha == sha or sha in self.remaining)

    @staticmethod
    def of(goal: Goal, cell: str, trials: Sequence[TrialResult]) -> _CellSearch:
        investigated = _investigated(goal, cell, trials)
        judged = _judge(cell, trials, investigated)
        ends = _ends(goal, judged)
        base = CellConclusion(
            cell,
            Finding.GREEN,
            good=_counts(judged, goal.goods),
            bad=_counts(judged, (goal.bad,)),
            failure=_first_failure(judged, goal.bad),
        )
        if ends.state is EndState.RED:
            if silent := _silent(goal, judged):
                return _CellSearch(cell, _unheard(base, silent))
            return _narrow(goal, base, judged)
        verdicts = _verdicts(goal, judged)
        if isinstance(verdicts, str):
            return _CellSearch(cell, _disagreeing(base, verdicts, judged))
        # A cell that is green at the bad end is green whatever the good end says, or was never asked.
        green = ends.state is EndState.UNKNOWN and ends.bad_runs.good and not ends.bad_runs.bad
        return _CellSearch(cell, _not_red(base, EndState.GREEN if green else ends.state))


_NOT_RED = {
    EndState.GREEN: (Finding.GREEN, ""),
    EndState.ALWAYS_RED: (Finding.ALWAYS_RED, "it fails the same way at the good end"),
    EndState.INVERTED: (
        Finding.ALWAYS_RED,
        "it fails at the good end and passes at the bad one: ends swapped?",
    ),
    EndState.FLAKY: (Finding.FLAKY, "runs of the good ends disagree"),
    EndState.UNKNOWN: (Finding.UNVERIFIED, "an end told nothing about it"),
}


def _not_red(base: CellConclusion, state: EndState) -> CellConclusion:
    finding, note = _NOT_RED[state]
    return replace(base, finding=finding, note=note)


def _silent(goal: Goal, judged: tuple[_Judged, ...]) -> str | None:
    """The first good end that told nothing: what lies under it would be cleared by its name alone."""
    heard = {item.sha for item in judged if item.verdict is not Verdict.SKIP}
    return next((good for good in goal.goods if good not in heard), None)


def _unheard(base: CellConclusion, good: str) -> CellConclusion:
    return replace(base, finding=Finding.UNVERIFIED, note=f"the good end {good[:9]} told nothing about it")


def _narrow(goal: Goal, base: CellConclusion, judged: tuple[_Judged, ...]) -> _CellSearch:
    verdicts = _verdicts(goal, judged)
    if isinstance(verdicts, str):
        return _CellSearch(base.cell, _disagreeing(base, verdicts, judged))
    bisection = Bisection.start(goal.dag, goal.bad, goal.goods)
    for sha, verdict in verdicts.items():
        if sha not in (goal.bad, *goal.goods):
            bisection = bisection.observe(sha, verdict)
    skipped = _skipped(judged)
    result = bisection.conclude()
    if result is None:
        step = Step(bisection.plan(1)[0], (base.cell,), Purpose.NARROW)
        return _CellSearch(
            base.cell, None, step, bisection.remaining, bisection.steps_left() + goal.confirm_runs, bisection
        )
    if isinstance(result, Contradiction):
        heir = "a good end" if result.good == result.bad else result.good[:9]
        note = f"{heir} is good though it descends from {result.bad[:9]}, which is bad"
        return _CellSearch(base.cell, replace(base, finding=Finding.FLAKY, note=note, skipped=skipped))
    if isinstance(result, Candidates):
        found = replace(base, finding=Finding.CANDIDATES, candidates=result.shas, skipped=skipped)
        return _CellSearch(base.cell, found)
    return _confirm(goal, base, judged, bisection, result)


def _disagreeing(base: CellConclusion, sha: str, judged: tuple[_Judged, ...]) -> CellConclusion:
    """What it means that runs of one commit disagree: chance, or the company in which the cell ran."""
    told = [item for item in judged if item.sha == sha and item.verdict is not Verdict.SKIP]
    after = {verdict: [item.before for item in told if item.verdict is verdict] for verdict in Verdict}
    if all(red > green for red in after[Verdict.BAD] for green in after[Verdict.GOOD]):
        note = f"at {sha[:9]} it fails after the cells before it, and passes without them"
        return replace(base, finding=Finding.ORDER_DEPENDENT, note=note)
    return replace(base, finding=Finding.FLAKY, note=f"runs of {sha[:9]} disagree")


def _confirm(
    goal: Goal, base: CellConclusion, judged: tuple[_Judged, ...], bisection: Bisection, culprit: Culprit
) -> _CellSearch:
    """The adjacent pair has to answer the same way `confirm_runs` times before a culprit is named.

    An end has to do so in the company in which the candidates ran, too: an end runs every cell, and a cell
    that fails only after others would make the bad end the culprit.
    """
    again = []
    for sha in bisection.confirmation():
        here = [item for item in judged if item.sha == sha]
        told = sum(item.verdict is not Verdict.SKIP for item in here)
        lacking = told < goal.confirm_runs and len(here) - told <= goal.retries
        if lacking or _always_in_company(goal, here, judged):
            again.append(sha)
    if again:
        step = Step(again[0], (base.cell,), Purpose.CONFIRM)
        return _CellSearch(base.cell, None, step, (culprit.sha,), len(again), bisection)
    found = replace(
        base,
        finding=Finding.CULPRIT,
        culprit=culprit.sha,
        candidates=(culprit.sha,),
        skipped=_skipped(judged),
        failure=_first_failure(judged, culprit.sha) or base.failure,
    )
    return _CellSearch(base.cell, found)


def _always_in_company(goal: Goal, here: list[_Judged], judged: tuple[_Judged, ...]) -> bool:
    """Whether the cell ran at this end only after cells that were left out when the range was narrowed."""
    ends = (goal.bad, *goal.goods)
    narrowed = [item.before for item in judged if item.sha not in ends]
    if here[0].sha not in ends or len(here) >= goal.endpoint_runs + goal.confirm_runs:
        return False
    return any(all(item.before > before for item in here) for before in narrowed)


def _verdicts(goal: Goal, judged: tuple[_Judged, ...]) -> dict[str, Verdict] | str:
    """One verdict a commit, in the order of trials; the sha instead where its runs disagree.

    A commit whose runs all were infrastructure is left open until its retries are used up.
    """
    verdicts: dict[str, Verdict] = {}
    for sha in dict.fromkeys(item.sha for item in judged):
        here = [item for item in judged if item.sha == sha]
        told = {item.verdict for item in here} - {Verdict.SKIP}
        if len(told) > 1:
            return sha
        infrastructure = all(item.outcome is Outcome.INFRASTRUCTURE for item in here)
        if told:
            verdicts[sha] = told.pop()
        elif not infrastructure or len(here) > goal.retries:
            verdicts[sha] = Verdict.SKIP
    return verdicts


def _ends(goal: Goal, judged: tuple[_Judged, ...]) -> Endpoints:
    good = [item.verdict for item in judged if item.sha in goal.goods]
    bad = [item.verdict for item in judged if item.sha == goal.bad]
    return Endpoints.of(good, bad)


def _counts(judged: tuple[_Judged, ...], shas: tuple[str, ...]) -> EndCounts:
    here = [item for item in judged if item.sha in shas]
    red = sum(item.outcome in _RED for item in here)
    return EndCounts(red + sum(item.outcome is Outcome.PASSED for item in here), red)


def _skipped(judged: tuple[_Judged, ...]) -> tuple[tuple[str, str], ...]:
    told = {item.sha for item in judged if item.verdict is not Verdict.SKIP}
    reasons = {item.sha: item.reason for item in judged if item.sha not in told}
    return tuple(reasons.items())


def _first_failure(judged: tuple[_Judged, ...], sha: str) -> Failure | None:
    """The evidence at a commit: that of a verdict, if there is any, before what was spoiled or skipped."""
    told = [item for item in judged if item.sha == sha and item.failure is not None]
    told.sort(key=lambda item: item.verdict is Verdict.SKIP)
    return told[0].failure if told else None
