"""The planner of `fixes`, on projects in which it is known which candidates fix which cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.planner import FixCommit, FixGoal, Purpose, Step, decide_fixes
from bisect_tool.planner.fix_evaluation import CellStatus, FixEvaluation
from bisect_tool.planner.fixes import COMBINATIONS, smallest_fix
from bisect_tool.trial.result import CellResult, TrialResult, overall
from bisect_tool.verdict import Outcome

BAD = "bad"
RUNS = 2


@dataclass
class Project:
    """A cell fails unless all the candidates that it needs are applied; `breaks` make cells fail.

    `conflicts` are combinations that do not apply together; `outcomes` override those of a cell at a commit.
    """

    needs: dict[str, set[int]]
    candidates: int
    breaks: dict[str, set[int]] = field(default_factory=dict)
    conflicts: list[set[int]] = field(default_factory=list)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    trials: list[TrialResult] = field(default_factory=list)
    combined: list[frozenset[int]] = field(default_factory=list)

    def combine(self, parts):
        self.combined.append(parts)
        fits = not any(parts == each for each in self.conflicts)
        return FixCommit(parts, "+".join(map(str, sorted(parts))) if fits else "")

    def outcome(self, sha, cell):
        parts = set() if sha == BAD else {int(part) for part in sha.split("+")}
        red = not self.needs[cell] <= parts or bool(self.breaks.get(cell, set()) & parts)
        return self.outcomes.get((sha, cell), Outcome.FAILED if red else Outcome.PASSED)

    def run_to_end(self, slots=1):
        """Run to the end with `slots` trials at once; returns the evaluation."""
        fix_commits = tuple(self.combine(frozenset({number})) for number in range(self.candidates))
        goal = FixGoal(BAD, fix_commits, runs=RUNS, only=self.only)
        running = []
        for _ in range(1000):
            state = decide_fixes(goal, self.trials, running)
            if state.wanted:
                assert state.wanted not in self.combined, "combined twice"
                goal = replace(goal, fix_commits=(*goal.fix_commits, self.combine(state.wanted)))
            elif state.step is not None and len(running) < slots:
                running.append(state.step)
            elif running:
                self.run(running.pop(0))
            else:
                assert state.over
                return FixEvaluation(goal, self.trials)
        pytest.fail("the planner has no end")

    def run(self, step):
        cells = self.needs if step.cells is None else step.cells
        assert cells, "a trial without cells"
        results = tuple(CellResult(cell=cell, outcome=self.outcome(step.sha, cell)) for cell in cells)
        trial = TrialResult(
            sha=step.sha, cells=results, outcome=overall(results), started="", seconds=1.0, whole=True
        )
        self.trials.append(trial)

    def ran(self):
        return [trial.sha for trial in self.trials]


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize(
    ("needs", "candidates", "conflicts", "found"),
    [
        pytest.param({"a": {1}}, 3, [], {1}, id="one of them"),
        pytest.param({"a": {0}, "b": {2}}, 3, [], {0, 2}, id="one for each cell"),
        pytest.param({"a": {0, 3}}, 5, [], {0, 3}, id="only together"),
        pytest.param({"a": {0}, "b": {1}}, 2, [{0, 1}], None, id="they conflict"),
        pytest.param({"a": {0}}, 2, [{0}, {0, 1}], None, id="the candidates that would fix it conflict"),
        pytest.param({"a": {0, 2}}, 4, [{0, 1, 2, 3}, {0, 1}], {0, 2}, id="some of them do not fit together"),
        pytest.param({"a": {0, 1}}, 3, [{1}], {0, 1}, id="fits only after another"),
        pytest.param({"a": {9}}, 2, [], None, id="nothing fixes it"),
        pytest.param({"a": {0}, "b": {9}}, 2, [], None, id="one cell stays red"),
    ],
)
def test_the_fewest_candidates_that_fix_all_cells(slots, needs, candidates, conflicts, found):
    evaluation = Project(needs | {"green": set()}, candidates, conflicts=conflicts).run_to_end(slots)
    smallest = smallest_fix(evaluation)
    assert (smallest.parts if smallest else None) == found
    assert evaluation.green == ("green",)
    assert set(evaluation.red) == set(needs)


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=1),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_smallest_fix_is_the_union_of_the_needed_candidates(needs, slots):
    project = Project(needs, 5)
    assert smallest_fix(project.run_to_end(slots)).parts == set().union(*needs.values())


def test_a_single_candidate_that_fixes_all_needs_no_combination():
    project = Project({"a": {1}}, 3)
    project.run_to_end()
    assert project.ran() == [BAD, "0", "1", "1", "2"]


def test_passes_are_repeated_and_failures_are_not():
    project = Project({"a": {0}, "b": {1}, "green": set()}, 1)
    evaluation = project.run_to_end()
    assert project.ran() == [BAD, BAD, "0", "0"]
    assert [cell.cell for cell in project.trials[1].cells] == ["green"]
    assert [cell.cell for cell in project.trials[3].cells] == ["a", "green"]
    assert (evaluation.fixed("0"), evaluation.fixes_all("0")) == (("a",), False)


def test_candidate_that_breaks_a_cell_is_reported():
    evaluation = Project({"a": {0}, "green": set()}, 1, breaks={"green": {0}}).run_to_end()
    assert evaluation.fixes_all("0")
    assert evaluation.broken("0") == ("green",)


def test_green_bad_end_is_repeated_and_no_candidate_is_run():
    project = Project({"a": set()}, 2)
    evaluation = project.run_to_end()
    assert project.ran() == [BAD] * RUNS
    assert (evaluation.red, evaluation.green) == ((), ("a",))


def test_no_trial_runs_if_every_candidate_conflicts():
    project = Project({"a": {0}}, 2, conflicts=[{0}, {1}])
    project.run_to_end()
    assert project.ran() == []


@pytest.mark.parametrize("outcome", [Outcome.ERRORED, Outcome.SKIPPED, Outcome.INFRASTRUCTURE])
def test_an_inconclusive_candidate_fixes_nothing(outcome):
    project = Project({"a": {0}}, 1, outcomes={("0", "a"): outcome})
    assert smallest_fix(project.run_to_end()) is None
    assert project.ran().count("0") == (2 if outcome is Outcome.INFRASTRUCTURE else 1)


def test_one_pass_does_not_count_as_fixed():
    """A flaky cell that passes and then fails stays red."""
    outcomes = iter([Outcome.PASSED, Outcome.FAILED])
    project = Project({"a": {9}}, 1)
    usual = project.outcome
    project.outcome = lambda sha, cell: next(outcomes) if sha == "0" else usual(sha, cell)
    assert smallest_fix(project.run_to_end()) is None
    assert project.ran() == [BAD, "0", "0"]


def test_only_the_requested_cells_are_run():
    project = Project({"a": {0}, "b": {1}, "green": set()}, 1, only={"a": ()})
    evaluation = project.run_to_end()
    assert {cell.cell for trial in project.trials for cell in trial.cells} == {"a"}
    assert (evaluation.red, evaluation.green, evaluation.fixes_all("0")) == (("a",), (), True)


def test_order_dependent_cell_runs_after_its_prerequisites_in_every_trial():
    """Runs without the prerequisites are inconclusive: alone the cell passes at every commit."""
    project = Project({"first": set(), "a": {9}}, 1, only={"a": ("first",)})
    together = FixGoal(BAD, only=project.only)
    project.run(Step(BAD, ("first", "a"), Purpose.BAD_END))
    passed = CellResult(cell="a", outcome=Outcome.PASSED)
    alone = TrialResult(sha="0", cells=(passed,), outcome=Outcome.PASSED, started="", seconds=1.0)
    project.trials += [alone, alone]
    assert FixEvaluation(together, project.trials).status("0", "a") is CellStatus.OPEN
    evaluation = project.run_to_end()
    assert all([cell.cell for cell in trial.cells] == ["first", "a"] for trial in project.trials[3:])
    assert project.ran()[3:] == ["0"]
    assert (evaluation.red, evaluation.fixed("0")) == (("a",), ())


def test_a_cell_is_inconclusive_if_its_prerequisite_is():
    project = Project(
        {"first": set(), "a": {0}}, 1, only={"a": ("first",)}, outcomes={("0", "first"): Outcome.ERRORED}
    )
    evaluation = project.run_to_end()
    assert evaluation.status("0", "a") is CellStatus.INCONCLUSIVE
    assert project.ran() == [BAD, "0"]


def test_no_more_combinations_are_run_than_allowed():
    project = Project({"a": set(range(0, 16, 2))}, 16)
    found = smallest_fix(project.run_to_end())
    assert found.cut
    assert found.parts >= project.needs["a"]
    assert len({sha for sha in project.ran() if "+" in sha}) == COMBINATIONS


def known(*trials, candidates=1, **more):
    """A goal with `candidates` candidates, and trials; each argument is a commit and its outcomes by cell."""
    fix_commits = tuple(FixCommit(frozenset({number}), str(number)) for number in range(candidates))
    goal = FixGoal(BAD, fix_commits, runs=RUNS, **more)
    ran = [
        TrialResult(
            sha=sha,
            cells=tuple(CellResult(cell=cell, outcome=outcome) for cell, outcome in outcomes.items()),
            outcome=Outcome.PASSED,
            started="",
            seconds=1.0,
        )
        for sha, outcomes in trials
    ]
    return goal, ran


RED, GREEN = Outcome.FAILED, Outcome.PASSED


def test_nothing_is_fixed_if_no_cell_fails():
    assert not FixEvaluation(*known((BAD, {"a": GREEN}), (BAD, {"a": GREEN}), ("0", {"a": GREEN}))).fixes_all(
        "0"
    )


def test_cell_without_bad_end_result_is_not_run_with_candidates():
    project = Project({"a": {0}, "untestable": set()}, 1, outcomes={(BAD, "untestable"): Outcome.ERRORED})
    project.run_to_end()
    assert [[cell.cell for cell in trial.cells] for trial in project.trials if trial.sha == "0"] == [
        ["a"]
    ] * 2


def test_no_run_starts_that_running_ones_may_make_unnecessary():
    """Two passes are needed: while two runs of a commit are in progress, no third one starts."""
    goal, ran = known()
    bad = Step(BAD, None, Purpose.BAD_END)
    assert decide_fixes(goal, ran).step == decide_fixes(goal, ran, [bad]).step == bad
    assert decide_fixes(goal, ran, [bad, bad]).step is None
    assert not decide_fixes(goal, ran, [bad, bad]).over


def test_purpose_of_a_step_distinguishes_bad_end_and_candidate():
    goal, ran = known((BAD, {"a": RED}))
    assert decide_fixes(goal, ran).step == Step("0", ("a",), Purpose.FIX)


def test_planner_is_not_over_while_a_combination_is_pending():
    """Neither fixes both cells by itself."""
    trials = [(BAD, {"a": RED, "b": RED})]
    trials += [("0", {"a": GREEN, "b": RED})] * RUNS + [("1", {"a": RED, "b": GREEN})] * RUNS
    state = decide_fixes(*known(*trials, candidates=2))
    assert (state.step, state.wanted, state.over) == (None, frozenset({0, 1}), False)


def test_candidates_that_fix_a_cell_are_combined_before_the_others():
    project = Project({"a": {1}, "b": {3}}, 6)
    project.run_to_end()
    assert {sha for sha in project.ran() if "+" in sha} == {"1+3"}


def test_missing_runs_are_those_of_the_cell_with_the_fewest_passes():
    evaluation = FixEvaluation(*known((BAD, {"a": GREEN, "b": Outcome.INFRASTRUCTURE})))
    assert evaluation.left(BAD) == ("a", "b")
    assert evaluation.missing(BAD) == RUNS
