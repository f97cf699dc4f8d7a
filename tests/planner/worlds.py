"""Synthetic histories with known outcomes of every cell, and planners simulated on them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.evidence import Event, Failure, signature_of
from bisect_tool.planner import Goal, Purpose, State, Step, decide
from bisect_tool.search import Dag
from bisect_tool.trial.result import CellResult, TrialResult, overall
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GOOD = "good"
OTHER = "the KV cache does not fit"
MAX_TRIALS = 1000


def failure(message: str) -> Failure:
    """The failure of an engine core that dies with `message`."""
    event = Event(
        time=1.0,
        source="rank0",
        role="EngineCore_DP0",
        kind="exception",
        severity="error",
        exception="RuntimeError",
        message=message,
    )
    return Failure(root=event, chain=(event,), signature=signature_of(event), excerpt=message)


def line(length: int) -> dict[str, tuple[str, ...]]:
    return {f"c{place}": (f"c{place - 1}" if place else GOOD,) for place in range(length)}


def lineage(parents: Mapping[str, tuple[str, ...]], sha: str) -> set[str]:
    """A commit and its ancestors, computed without the package."""
    return {sha}.union(*(lineage(parents, parent) for parent in parents.get(sha, ())))


@dataclass(frozen=True)
class World:
    """Commits, and the first bad one of each cell (None: never red); with `fix` the first good one.

    `overrides` has the outcomes of the first runs of a commit, or of a (commit, cell); the last one is
    repeated. See `_RESULTS` for their names. `followers` fail only after all the cells listed with them.
    `rates` are P(fail | bad) and P(fail | good) of flaky cells; their outcomes depend on `seed`, the commit,
    the cell and the number of the run.
    The first trial of a commit takes `build_s` seconds more than the others.
    """

    parents: Mapping[str, tuple[str, ...]]
    culprits: Mapping[str, str | None]
    overrides: Mapping[str | tuple[str, str], Sequence[str]] = field(default_factory=dict)
    followers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seed: int = 0
    fix: bool = False
    build_s: float = 0.0

    @property
    def bad(self) -> str:
        return Dag(self.parents).candidates[-1]

    def goal(self, **changes: object) -> Goal:
        ends = {"goods": (GOOD,), "bad": self.bad, "fix": self.fix}
        return Goal(dag=Dag(self.parents), **{**ends, **changes})  # type: ignore[arg-type]

    def is_red(self, sha: str, cell: str) -> bool:
        culprit = self.culprits[cell]
        return culprit is not None and (culprit in lineage(self.parents, sha)) is not self.fix

    def trial(self, step: Step, earlier: int) -> TrialResult:
        """The result of a trial after `earlier` ones at the same commit."""
        whole = self._override(step.sha, earlier)
        if whole in ("unbuildable", "infrastructure"):
            return no_result(step, Outcome(whole))
        requested = step.cells if step.cells is not None else tuple(self.culprits)
        cells = tuple(
            _RESULTS[
                self._override((step.sha, cell), earlier)
                or whole
                or self._truth(step.sha, cell, requested, earlier)
            ](cell)
            for cell in requested
        )
        build_s = 0.0 if earlier else self.build_s
        made = {"environment": f"env-{step.sha}", "environment_reused": not build_s, "build_seconds": build_s}
        trial = result(step.sha, cells, overall(cells), whole=step.cells is None)
        return trial.model_copy(update={**made, "seconds": trial.seconds + build_s})

    def _truth(self, sha: str, cell: str, requested: Sequence[str], earlier: int) -> str:
        preceding = set(self.followers.get(cell, ())) <= set(requested)
        fails = self.rates.get(cell, (1.0, 0.0))[not self.is_red(sha, cell)]
        drawn = random.Random(f"{self.seed} {sha} {cell} {earlier}").random()  # noqa: S311
        return "failed" if preceding and drawn < fails else "passed"

    def _override(self, key: str | tuple[str, str], earlier: int) -> str:
        outcomes = self.overrides.get(key, ("",))
        return outcomes[min(earlier, len(outcomes) - 1)]


_RESULTS = {
    "passed": lambda cell: CellResult(cell=cell, outcome=Outcome.PASSED),
    "failed": lambda cell: _failed(cell, Outcome.FAILED, f"{cell} lost its engine"),
    "hung": lambda cell: _failed(cell, Outcome.HUNG, f"{cell} lost its engine"),
    "other": lambda cell: _failed(cell, Outcome.FAILED, OTHER),
    "port taken": lambda cell: _failed(cell, Outcome.INFRASTRUCTURE, OTHER),
    "errored": lambda cell: CellResult(cell=cell, outcome=Outcome.ERRORED, reason="did not run"),
    "skipped": lambda cell: CellResult(cell=cell, outcome=Outcome.SKIPPED, reason="needs a GPU"),
}


def one_cell(
    length: int,
    culprit: int,
    overrides: Mapping[str | tuple[str, str], Sequence[str]] | None = None,
    **more: Any,
) -> World:
    """A linear history, and a cell named `cell` whose culprit is at index `culprit`."""
    return World(line(length), {"cell": f"c{culprit}"}, overrides or {}, **more)


def _failed(cell: str, outcome: Outcome, message: str) -> CellResult:
    return CellResult(cell=cell, outcome=outcome, failure=failure(message))


def no_result(step: Step, outcome: Outcome) -> TrialResult:
    """A trial that could not run any cell; it lists the cells that the step names, if any."""
    reason = f"{outcome} for a reason"
    cells = tuple(CellResult(cell=cell, outcome=outcome, reason=reason) for cell in step.cells or ())
    return result(step.sha, cells, outcome, reason)


def result(
    sha: str, cells: tuple[CellResult, ...], outcome: Outcome, reason: str = "", *, whole: bool = False
) -> TrialResult:
    started = "2026-03-06T00:00:00+00:00"
    return TrialResult(
        sha=sha, cells=cells, outcome=outcome, started=started, seconds=1.0, reason=reason, whole=whole
    )


@dataclass(frozen=True)
class SearchOutcome:
    """A finished search: its trials, the steps that requested them, and its states.

    `states` has one state before each requested trial, and the last.
    """

    trials: tuple[TrialResult, ...]
    steps: tuple[Step, ...]
    states: tuple[State, ...]

    @property
    def state(self) -> State:
        return self.states[-1]

    def of(self, cell: str):
        """The conclusion about a cell."""
        (found,) = (item for item in self.state.conclusions if item.cell == cell)
        return found

    def shas(self, *purposes: Purpose) -> list[str]:
        return [step.sha for step in self.steps if step.purpose in purposes]

    def runs(self, sha: str, cell: str, *outcomes: Outcome) -> int:
        """How many runs of a cell at a commit had one of these outcomes."""
        results = [trial.cell(cell) for trial in self.trials if trial.sha == sha]
        return sum(each is not None and each.outcome in outcomes for each in results)


def simulate(world: World, goal: Goal | None = None, trials: Sequence[TrialResult] = ()) -> SearchOutcome:
    """Run the planner to its end, after `trials`."""
    goal = goal or world.goal()
    ran, states = list(trials), []
    while (state := decide(goal, ran)).step is not None:
        assert len(ran) < MAX_TRIALS, "the planner has no end"
        assert not state.over
        states.append(state)
        ran.append(world.trial(state.step, sum(trial.sha == state.step.sha for trial in ran)))
    assert state.over
    return SearchOutcome(tuple(ran), tuple(each.step for each in states), (*states, state))


def simulate_slots(world: World, slots: int, order: random.Random) -> SearchOutcome:
    """Keep a trial running in every slot; `order` chooses which one ends first."""
    goal = world.goal(slots=slots)
    ran: list[TrialResult] = []
    steps: list[Step] = []
    running: list[tuple[Step, int]] = []
    started: Counter[str] = Counter()
    while True:
        state = decide(goal, ran, [step for step, _ in running])
        if state.step is not None and len(running) < slots:
            assert len(steps) < MAX_TRIALS, "the planner has no end"
            steps.append(state.step)
            running.append((state.step, started[state.step.sha]))
            started[state.step.sha] += 1
        elif running:
            assert not state.over, "the planner is over while trials run"
            ran.append(world.trial(*running.pop(order.randrange(len(running)))))
        else:
            assert state.over
            return SearchOutcome(tuple(ran), tuple(steps), (state,))
