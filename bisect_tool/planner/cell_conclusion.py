"""Conclude for one cell, from its ends and from the search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.format import listing
from bisect_tool.planner.other_failure import other_failure
from bisect_tool.planner.testable_from import next_to_test, oldest_of, untestable_ends, untestable_inside
from bisect_tool.planner.types import CellConclusion, Finding
from bisect_tool.search import Candidates, Conclusion, Contradiction, Culprit, Flaky, Undecided
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.planner.cell_runs import CellRuns
    from bisect_tool.planner.cell_state import CellState

WITHOUT_TESTS = "it passes without running a test"
HIDES_FAILURES = "it passes, although its output reports failed tests"
_BUSY = "it only missed deadlines there, while the machine was busy ({}): run it on an idle machine"


def from_ends(state: CellState) -> CellConclusion | None:
    """Return the conclusion from the ends alone; None if there is a commit to search for."""
    goal, base = state.goal, _base(state)
    failing, passing = state.cell_runs.at(goal.failing), state.cell_runs.at(goal.passing)
    if any(run.verdict is Verdict.BAD for run in failing):
        return _untestable_end(state, base) if goal.goods else replace(base, finding=Finding.UNVERIFIED)
    if any(run.verdict is Verdict.GOOD for run in failing):
        if any(run.verdict is Verdict.BAD for run in passing):
            note = "it fails at the passing end and passes at the failing one: are the ends swapped?"
            return replace(base, finding=Finding.ALWAYS_RED, note=note)
        busy = next((run.busy for run in failing if run.doubtful), "")
        note = f"it missed a deadline once, while the machine was busy ({busy}), and passed in all other runs"
        return replace(base, note=note if busy else _doubts(state.cell_runs, goal.failing))
    return replace(base, finding=Finding.UNVERIFIED, note=_no_result(state, "an end", goal.failing))


def _doubts(cell_runs: CellRuns, passing: Collection[str]) -> str:
    """Return a note if the output of passing runs casts doubt on them; else empty."""
    if line := cell_runs.passed_without_tests(passing):
        return f"{WITHOUT_TESTS}: {line}"
    failed = sorted(cell_runs.passed_with_failures(passing))
    return f"{HIDES_FAILURES}: {listing(failed)}" if failed else ""


def from_search(state: CellState, found: Conclusion) -> CellConclusion:
    """Return the conclusion of the search."""
    base = replace(_base(state), skipped=state.cell_runs.skipped())
    if isinstance(found, Culprit):
        return _unverified_parent(state, base, found) or _culprit(state, base, found)
    if isinstance(found, Flaky):
        return _no_culprit(state, base, found)
    if isinstance(found, Contradiction):
        return _outside_the_range(state, base, found)
    chance = state.known.probabilities
    return replace(
        base,
        finding=Finding.CANDIDATES,
        candidates=found.shas,
        probabilities=tuple(chance.get(sha, 0.0) for sha in found.shas),
        confidence=found.confidence if isinstance(found, Candidates) else None,
        note="these runs do not distinguish them" if isinstance(found, Undecided) else "",
    )


def unfinished(state: CellState, reason: str) -> CellConclusion:
    """Return the remaining candidates if the search stops now, for this reason."""
    if not state.known.reproduced:
        return replace(_base(state), finding=Finding.UNVERIFIED, note=f"{reason}, and it has not failed yet")
    kept = set(state.known.consistent or state.known.credible_set)
    left = {sha: chance for sha, chance in state.known.probabilities.items() if sha in kept}
    return replace(
        _base(state),
        finding=Finding.CANDIDATES,
        candidates=tuple(left),
        probabilities=tuple(left.values()),
        skipped=state.cell_runs.skipped(),
        note=reason,
    )


def _base(state: CellState) -> CellConclusion:
    """The counts and the evidence of the ends, with the finding GREEN."""
    goal, cell_runs = state.goal, state.cell_runs
    return CellConclusion(
        state.cell,
        Finding.GREEN,
        good=cell_runs.counts(goal.passing),
        bad=cell_runs.counts(goal.failing),
        failure=cell_runs.failure(*goal.failing),
        prerequisites=state.prerequisites,
    )


def _untestable_end(state: CellState, base: CellConclusion) -> CellConclusion | None:
    """UNVERIFIED if a passing end gave no result and no other commit passed.

    Any passing commit replaces it, so the search goes on until it is over, or others give no result either.
    """
    ends = untestable_ends(state)
    if not ends or next_to_test(state):
        return None
    inside = untestable_inside(state)
    if not inside and not _leads_to(state, ends) and state.bisection.conclude() is None:
        return None
    note = _no_result(state, f"the passing end {ends[0][:9]}", ends)
    oldest = oldest_of(state.goal.dag, state.cell_runs.conclusive(Verdict.BAD))
    if inside and oldest and not state.goal.fix:
        note += f"; {oldest[:9]} is the oldest commit that could be tested, and it fails there"
    return replace(base, finding=Finding.UNVERIFIED, note=note)


def _leads_to(state: CellState, ends: Collection[str]) -> bool:
    """Whether all parents of the commits that are left are these ends."""
    left, parents = state.known.consistent, state.goal.dag.parents
    return bool(left) and all(parent in ends for sha in left for parent in parents[sha])


def _no_result(state: CellState, end: str, shas: Collection[str]) -> str:
    """The note that an end gave no result, with the reason."""
    reason = next((why for sha, why in state.cell_runs.skipped() if sha in shas and why), "")
    return f"{end} gave no result for it" + (f": {reason}" if reason else "")


def _outside_the_range(state: CellState, base: CellConclusion, found: Contradiction) -> CellConclusion:
    """The breakage, or the fix, is before the range, or there are several."""
    base = replace(base, confidence=found.confidence)
    if found.bad in state.goal.goods and not state.goal.fix:
        return _always_red(state, base, f"it fails at the good end {found.bad[:9]} as well")
    if found.good == found.bad:
        broken, sound = _verbs(state)
        note = f"it already {broken} at {found.bad[:9]}, outside the range, and {sound} at later commits"
    else:
        note = _non_monotonic(state, found.bad, found.good)
    return replace(base, finding=Finding.UNVERIFIED, note=note)


def _verbs(state: CellState) -> tuple[str, str]:
    """Return the verbs for the cell at a broken commit and at a sound one."""
    return ("passes", "fails") if state.goal.fix else ("fails", "passes")


def _non_monotonic(state: CellState, bad: str, good: str | None) -> str:
    """The note that the history breaks more than once, and where that was seen."""
    broken, sound = _verbs(state)
    back = f" and {sound} again at {good[:9]}" if good else " already"
    return f"the history is non-monotonic: it {broken} at {bad[:9]}{back}"


def _unverified_parent(state: CellState, base: CellConclusion, found: Culprit) -> CellConclusion | None:
    """UNVERIFIED if a parent of the culprit is a good end that gave no result: nothing below was tested."""
    tested = state.cell_runs.conclusive(Verdict.GOOD, Verdict.BAD)
    untested = [sha for sha in found.parents if sha in state.goal.goods and sha not in tested]
    if not untested:
        return None
    note = f"its parent {untested[0][:9]}, an end of the range, gave no result for it"
    return replace(base, finding=Finding.UNVERIFIED, note=note)


def _culprit(state: CellState, base: CellConclusion, found: Culprit) -> CellConclusion:
    """The culprit; SUSPECT if the two results that name it may not be about the same thing."""
    goal, cell_runs = state.goal, state.cell_runs
    place = goal.dag.index[found.sha]
    posterior = state.known.posterior
    descendant = float(posterior.p_fail_descendant[place])
    other_commit = float(posterior.p_fail_other[place])
    seen = state.failing_at(found)
    descendants = [goal.dag.candidates[other] for other in goal.dag.descendants(place)]
    other = other_failure(cell_runs, seen, goal.failing) if goal.by_exit_code else None
    busy = cell_runs.in_doubt(seen)
    passing = (found.sha,) if goal.fix else found.parents
    no_tests = bool(cell_runs.passed_without_tests(passing))
    hidden = _hides(cell_runs, passing, seen)
    notes = (
        _BUSY.format(busy) if busy else base.note,
        f"at {passing[0][:9]} {_doubts(cell_runs, passing)}" if no_tests or hidden else "",
        _non_monotonic(state, *found.earlier) if found.earlier else "",
    )
    return replace(
        base,
        finding=Finding.SUSPECT if other or busy or no_tests or hidden else Finding.CULPRIT,
        busy=busy,
        without_tests=no_tests,
        hidden_failures=hidden,
        culprit=found.sha,
        candidates=(found.sha,),
        probabilities=(float(posterior.commits[place]),),
        confidence=found.confidence,
        rates=None
        if found.earlier
        else (other_commit, descendant)
        if goal.fix
        else (descendant, other_commit),
        broken=None if goal.fix else cell_runs.with_predecessors(state.prerequisites).counts(descendants),
        failure=cell_runs.failure(*seen, like=base.failure) or base.failure,
        note="; ".join(filter(None, notes)),
        other_failure=other,
    )


def _hides(cell_runs: CellRuns, passing: Collection[str], failing: Collection[str]) -> bool:
    """Whether all that fails at `failing` are tests that also fail at `passing`, hidden by its exit code."""
    failed = cell_runs.failed_tests(failing)
    return bool(failed) and failed <= cell_runs.passed_with_failures(passing)


def _no_culprit(state: CellState, base: CellConclusion, found: Flaky) -> CellConclusion:
    """FLAKY, or ALWAYS_RED if it was never seen to pass."""
    if not state.cell_runs.conclusive(Verdict.GOOD):
        base = replace(base, confidence=found.confidence)
        return _always_red(state, base, f"it fails the same way at the passing end{_exit_code(state)}")
    note = "it fails equally often at every commit"
    if busy := state.cell_runs.in_doubt({run.sha for run in state.cell_runs.runs}):
        note += f", and only by missing deadlines while the machine was busy ({busy})"
    return replace(base, finding=Finding.FLAKY, note=note, confidence=found.confidence)


def _always_red(state: CellState, base: CellConclusion, note: str) -> CellConclusion:
    """ALWAYS_RED; of a command that fails differently at the passing end, the note says how."""
    ends = (state.goal.passing, state.goal.failing)
    other = other_failure(state.cell_runs, *ends) if state.goal.by_exit_code else None
    if other is not None:
        how = f"{other.found}; at the failing end {other.failing_end}"
        note = f"it fails at the passing end in another way: {how}"
    return replace(base, finding=Finding.ALWAYS_RED, note=note, fails_differently=other is not None)


def _exit_code(state: CellState) -> str:
    """The exit code of a command at the failing end, as the end of a sentence."""
    failure = state.cell_runs.failure(*state.goal.failing)
    return f": {failure.signature.exit}" if failure and failure.signature.exit else ""
