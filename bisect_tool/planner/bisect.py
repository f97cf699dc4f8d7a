"""The bisection planner: the ends first, then the commit with the most information per expected second."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from bisect_tool.planner.cell import CellSearch
from bisect_tool.planner.cost import Cost
from bisect_tool.planner.end_runs import needs_another_run
from bisect_tool.planner.parameter_groups import are_processes, group
from bisect_tool.planner.planner import infrastructure_failures
from bisect_tool.planner.reported_names import Cells
from bisect_tool.planner.types import CellConclusion, Goal, Purpose, State, Step
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.trial.result import TrialResult

_STEPS_AFTER_NARROWING = 4
"""About how many runs confirm a culprit whose failure always shows."""


@dataclass(frozen=True)
class BisectPlanner:
    """Searches the first bad commit of every cell."""

    goal: Goal

    @property
    def failing(self) -> tuple[str, ...]:
        """The ends at which the cells have to fail."""
        return self.goal.failing

    def decide(self, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
        """Return the state of the bisection, with the next step beside those that run."""
        return decide(self.goal, trials, running)

    def current_state(self, trials: Sequence[TrialResult]) -> State:
        """The state of a session that may be unfinished, with provisional conclusions for its open cells."""
        state = self.decide(trials)
        return state if state.over else replace(state, conclusions=_so_far(self.goal, trials, "not finished"))

    def conclude_early(self, trials: Sequence[TrialResult]) -> State:
        """Conclude with the trials so far, because a budget was used up."""
        return conclude_early(self.goal, trials)

    def with_extra_retries(self, trials: Sequence[TrialResult]) -> Self:
        """Return the planner of a resumed session, which retries trials lost to the machine."""
        return replace(
            self, goal=replace(self.goal, retries=self.goal.retries + infrastructure_failures(trials))
        )

    def with_environments(
        self, environments: Mapping[str, str], cached: frozenset[str], downloads: frozenset[str], /
    ) -> Self:
        """Return the planner with the environment of each commit, and those built, to estimate costs."""
        goal = replace(self.goal, environments=environments, cached=cached, downloads=downloads)
        return replace(self, goal=goal)


@dataclass(frozen=True)
class StepPlanner(BisectPlanner):
    """Runs one commit: a bisection without a good end, whose conclusions are the results."""

    @property
    def failing(self) -> tuple[str, ...]:
        """None: if the check cannot be started, the commit is untestable."""
        return ()


def decide(goal: Goal, trials: Sequence[TrialResult], running: Sequence[Step] = ()) -> State:
    """The state of the bisection after these trials, with the next step beside those `running`."""
    if ends := _open_ends(goal, trials):
        step = _endpoint_step(goal, ends, trials, running)
        return State(step, (), goal.dag.candidates, _steps_before_narrowing(goal, trials))
    searches = _searches(goal, trials)
    conclusions = tuple(search.conclusion for search in searches if search.conclusion is not None)
    open_ones = [search for search in _asked_for(goal, searches) if search.conclusion is None]
    if not open_ones:
        return State(None, conclusions, (), 0, over=not running)
    lead = max(open_ones, key=lambda search: search.state.bisection.steps_left())
    step = _best_step(goal, open_ones, lead, trials, running)
    return State(
        step,
        conclusions,
        _remaining(goal, open_ones),
        0 if lead.state.fails_where_it_passes else lead.state.bisection.steps_left(),
        over=step is None and not running,
        likely=_likely(goal, lead, step),
        beliefs=tuple(search.state.belief for search in open_ones),
        disagreement=next(
            (search.state.disagreement for search in open_ones if search.state.disagreement), ""
        ),
    )


def conclude_early(goal: Goal, trials: Sequence[TrialResult]) -> State:
    """Conclude with the trials so far, because a budget was used up."""
    return State(None, _so_far(goal, trials, "the budget was used up"), (), 0, over=True, stopped=True)


def _so_far(goal: Goal, trials: Sequence[TrialResult], reason: str) -> tuple[CellConclusion, ...]:
    searches = _searches(goal, trials)
    asked_for = _asked_for(goal, searches)
    return tuple(
        search.conclude_early(reason)
        for search in searches
        if search in asked_for or search.conclusion is not None
    )


def _asked_for(goal: Goal, searches: Sequence[CellSearch]) -> Sequence[CellSearch]:
    """The searches to run trials for: not those of cells that failed before, which may be flaky for long."""
    cells = Cells([search.cell for search in searches])
    asked_for = {cells.called(name) for name in goal.only}
    if not asked_for or "" in asked_for:
        return searches
    return [
        each for each in searches if each.cell in asked_for or not goal.earlier_runs(each.cell).before.failed
    ]


def _searches(goal: Goal, trials: Sequence[TrialResult]) -> list[CellSearch]:
    """The search of each cell; the culprits of those that are over are suspects of the others."""
    alone = [CellSearch.of(goal, cell, trials) for cell in _cells(goal, trials)]
    found = frozenset(sha for search in alone if (sha := search.culprit))
    if not found:
        return alone
    return [each if each.conclusion else each.given(found) for each in alone]


def _open_ends(goal: Goal, trials: Sequence[TrialResult]) -> tuple[str, ...]:
    """The failing ends that must run, or run again, before the search."""
    return tuple(
        end
        for end in goal.failing
        if needs_another_run([each for each in trials if each.sha == end], goal.endpoint_runs, goal.retries)
    )


def _endpoint_step(
    goal: Goal, ends: Sequence[str], trials: Sequence[TrialResult], running: Sequence[Step]
) -> Step | None:
    """Return a failing end, or in free slots a passing end, which is needed anyway."""
    in_progress = {step.sha for step in running}
    for end in ends:
        if end not in in_progress:
            return Step(end, None, Purpose.BAD_END)
    tried = in_progress.union(trial.sha for trial in trials)
    for end in goal.passing:
        if end not in tried:
            return Step(end, None, Purpose.GOOD_END)
    return None


def _remaining(goal: Goal, searches: Sequence[CellSearch]) -> tuple[str, ...]:
    """The commits that are left for any of these cells, ancestors first."""
    left = {sha for search in searches for sha in search.state.left or search.state.known.credible_set}
    return tuple(sha for sha in goal.dag.candidates if sha in left)


def _steps_before_narrowing(goal: Goal, trials: Sequence[TrialResult]) -> int:
    done = sum(trial.sha in goal.failing for trial in trials)
    narrowing = (len(goal.dag.candidates) - 1).bit_length()
    afterwards = narrowing + _STEPS_AFTER_NARROWING if goal.goods else 0
    return max(goal.endpoint_runs * len(goal.failing) - done, 1) + afterwards


def _cells(goal: Goal, trials: Sequence[TrialResult]) -> tuple[str, ...]:
    at = [trial for trial in trials if trial.sha in goal.failing]
    return tuple(dict.fromkeys(cell.cell for trial in at for cell in trial.cells))


def _best_step(
    goal: Goal,
    searches: Sequence[CellSearch],
    lead: CellSearch,
    trials: Sequence[TrialResult],
    running: Sequence[Step],
) -> Step | None:
    in_progress = {
        search.cell: [step.sha for step in running if step.cells is None or search.cell in step.cells]
        for search in searches
    }
    required = [search for search in searches if search.required is not None]
    if required:
        return _required(required, in_progress)
    wanted = [(search, search.wanted(in_progress[search.cell])) for search in searches]
    split = _parallel_split(goal, lead, in_progress[lead.cell])
    sha = split or _most_informative(goal, trials, wanted)
    if sha is None:
        return None
    # One of several commits that divide the range for all slots may add little for its cell on its own.
    sharing = [search for search, values in wanted if sha in values or (split and search is lead)]
    return Step(sha, _with_prerequisites(sharing), sharing[0].purpose(sha))


def _with_prerequisites(searches: Sequence[CellSearch]) -> tuple[str, ...]:
    """The cells, each preceded by the cells that must run before it."""
    return tuple(
        dict.fromkeys(cell for search in searches for cell in (*search.state.prerequisites, search.cell))
    )


def _required(searches: Sequence[CellSearch], in_progress: dict[str, list[str]]) -> Step | None:
    for search in searches:
        step = search.required
        if step is not None and step.sha not in in_progress[search.cell]:
            if step.cells is None:
                return step
            return replace(step, cells=_together(step, search, searches))
    return None


def _together(step: Step, search: CellSearch, searches: Sequence[CellSearch]) -> tuple[str, ...]:
    """The cells that need the same run after the same cells; with few groups, of one group only."""
    first = (step.cells or ())[:-1]
    if step.purpose is Purpose.ORDER:
        return (*first, search.cell)
    same = [other for other in searches if other.required == replace(step, cells=(*first, other.cell))]
    if (
        step.purpose is Purpose.ISOLATED
        and search.state.goal.grouped
        and are_processes(_cells_of_first_trial(search, step))
    ):
        same = [other for other in same if group(other.cell) == group(search.cell)]
    return (*first, *_with_prerequisites(same))


def _cells_of_first_trial(search: CellSearch, step: Step) -> tuple[str, ...]:
    """The cells of the first trial at a failing end, which ran all."""
    return next(run.trial.names for run in search.state.cell_runs.runs if run.sha == step.sha)


def _parallel_split(goal: Goal, lead: CellSearch, in_progress: Sequence[str]) -> str | None:
    """The next of the commits that divide the range for all slots at once."""
    if goal.slots == 1:
        return None
    together = lead.state.bisection.plan(goal.slots)
    left = Counter(together) - Counter(in_progress)
    others = Counter(in_progress) - Counter(together)
    return next(iter(left), None) if not others else None


def _most_informative(
    goal: Goal, trials: Sequence[TrialResult], wanted: Sequence[tuple[CellSearch, dict[str, float]]]
) -> str | None:
    """The commit with the most information per expected second."""
    gain: defaultdict[str, float] = defaultdict(float)
    cells: defaultdict[str, list[str]] = defaultdict(list)
    for search, values in wanted:
        for sha, bits in values.items():
            gain[sha] += bits
            cells[sha].append(search.cell)
    cost = Cost.of(goal, trials)
    return max(gain, key=lambda sha: round(gain[sha], 9) / cost.at(sha, cells[sha]), default=None)


def _likely(goal: Goal, lead: CellSearch, step: Step | None) -> tuple[str, ...]:
    """The commits that would come next after either verdict of the step that starts now."""
    if step is None or not goal.environments:
        return ()
    shas: list[str] = []
    for verdict in (Verdict.BAD, Verdict.GOOD):
        if step.sha in goal.dag.index or step.sha in goal.goods:
            shas += lead.state.bisection.observe((step.sha, verdict)).plan(1)
    return tuple(dict.fromkeys(shas))
