"""The planner of `fixes`: what it runs and finds, where it is known which candidates fix which cells."""

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
    """A cell is red but where all the candidates that it needs are in; `breaks` turn cells red instead.

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

    def play(self, slots=1):
        """Run to the end with so many trials at once; returns what is known then."""
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
        pytest.fail("it does not end")

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
    evaluation = Project(needs | {"green": set()}, candidates, conflicts=conflicts).play(slots)
    smallest = smallest_fix(evaluation)
    assert (smallest.parts if smallest else None) == found
    assert evaluation.green == ("green",)
    assert set(evaluation.red) == set(needs)


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=1),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_is_needed_is_found_whatever_it_is(needs, slots):
    project = Project(needs, 5)
    assert smallest_fix(project.play(slots)).parts == set().union(*needs.values())


def test_a_single_candidate_that_fixes_all_needs_no_combination():
    project = Project({"a": {1}}, 3)
    project.play()
    assert project.ran() == [BAD, "0", "1", "1", "2"]


def test_a_pass_is_seen_again_and_a_failure_is_enough():
    project = Project({"a": {0}, "b": {1}, "green": set()}, 1)
    evaluation = project.play()
    assert project.ran() == [BAD, BAD, "0", "0"]
    assert [cell.cell for cell in project.trials[1].cells] == ["green"]
    assert [cell.cell for cell in project.trials[3].cells] == ["a", "green"]
    assert (evaluation.fixed("0"), evaluation.fixes_all("0")) == (("a",), False)


def test_what_it_breaks_is_seen():
    evaluation = Project({"a": {0}, "green": set()}, 1, breaks={"green": {0}}).play()
    assert evaluation.fixes_all("0")
    assert evaluation.broken("0") == ("green",)


def test_a_green_commit_is_seen_green_as_often_and_nothing_else_is_run():
    project = Project({"a": set()}, 2)
    evaluation = project.play()
    assert project.ran() == [BAD] * RUNS
    assert (evaluation.red, evaluation.green) == ((), ("a",))


def test_where_every_candidate_conflicts_nothing_is_run():
    project = Project({"a": {0}}, 2, conflicts=[{0}, {1}])
    project.play()
    assert project.ran() == []


@pytest.mark.parametrize("outcome", [Outcome.ERRORED, Outcome.SKIPPED, Outcome.INFRASTRUCTURE])
def test_an_inconclusive_candidate_fixes_nothing(outcome):
    project = Project({"a": {0}}, 1, outcomes={("0", "a"): outcome})
    assert smallest_fix(project.play()) is None
    assert project.ran().count("0") == (2 if outcome is Outcome.INFRASTRUCTURE else 1)


def test_one_pass_does_not_count_as_fixed():
    """A flaky cell: what passes and then fails is red still."""
    said = iter([Outcome.PASSED, Outcome.FAILED])
    project = Project({"a": {9}}, 1)
    usual = project.outcome
    project.outcome = lambda sha, cell: next(said) if sha == "0" else usual(sha, cell)
    assert smallest_fix(project.play()) is None
    assert project.ran() == [BAD, "0", "0"]


def test_only_the_requested_cells_are_run():
    project = Project({"a": {0}, "b": {1}, "green": set()}, 1, only={"a": ()})
    evaluation = project.play()
    assert {cell.cell for trial in project.trials for cell in trial.cells} == {"a"}
    assert (evaluation.red, evaluation.green, evaluation.fixes_all("0")) == (("a",), (), True)


def test_what_fails_only_after_others_has_them_before_it_in_every_run():
    """Its runs without them tell nothing: alone it passes anywhere."""
    project = Project({"first": set(), "a": {9}}, 1, only={"a": ("first",)})
    together = FixGoal(BAD, only=project.only)
    project.run(Step(BAD, ("first", "a"), Purpose.BAD_END))
    passed = CellResult(cell="a", outcome=Outcome.PASSED)
    alone = TrialResult(sha="0", cells=(passed,), outcome=Outcome.PASSED, started="", seconds=1.0)
    project.trials += [alone, alone]
    assert FixEvaluation(together, project.trials).status("0", "a") is CellStatus.OPEN
    evaluation = project.play()
    assert all([cell.cell for cell in trial.cells] == ["first", "a"] for trial in project.trials[3:])
    assert project.ran()[3:] == ["0"]
    assert (evaluation.red, evaluation.fixed("0")) == (("a",), ())


def test_a_cell_is_inconclusive_if_its_prerequisite_is():
    project = Project(
        {"first": set(), "a": {0}}, 1, only={"a": ("first",)}, outcomes={("0", "first"): Outcome.ERRORED}
    )
    evaluation = project.play()
    assert evaluation.status("0", "a") is CellStatus.INCONCLUSIVE
    assert project.ran() == [BAD, "0"]


def test_no_more_combinations_are_run_than_allowed():
    project = Project({"a": set(range(0, 16, 2))}, 16)
    found = smallest_fix(project.play())
    assert found.cut
    assert found.parts >= project.needs["a"]
    assert len({sha for sha in project.ran() if "+" in sha}) == COMBINATIONS


def known(*trials, candidates=1, **more):
    """A goal with so many candidates, and what trials at commits say of it: outcomes by cell."""
    fix_commits = tuple(FixCommit(frozenset({number}), str(number)) for number in range(candidates))
    goal = FixGoal(BAD, fix_commits, runs=RUNS, **more)
    ran = [
        TrialResult(
            sha=sha,
            cells=tuple(CellResult(cell=cell, outcome=outcome) for cell, outcome in said.items()),
            outcome=Outcome.PASSED,
            started="",
            seconds=1.0,
        )
        for sha, said in trials
    ]
    return goal, ran


RED, GREEN = Outcome.FAILED, Outcome.PASSED


def test_nothing_is_fixed_if_no_cell_fails():
    assert not FixEvaluation(*known((BAD, {"a": GREEN}), (BAD, {"a": GREEN}), ("0", {"a": GREEN}))).fixes_all(
        "0"
    )


def test_cell_without_bad_end_result_is_not_run_with_candidates():
    project = Project({"a": {0}, "untestable": set()}, 1, outcomes={(BAD, "untestable"): Outcome.ERRORED})
    project.play()
    assert [[cell.cell for cell in trial.cells] for trial in project.trials if trial.sha == "0"] == [
        ["a"]
    ] * 2


def test_no_run_begins_that_those_under_way_may_make_needless():
    """Two passes are wanted: beside two runs of a commit none of it begins."""
    goal, ran = known()
    bad = Step(BAD, None, Purpose.BAD_END)
    assert decide_fixes(goal, ran).step == decide_fixes(goal, ran, [bad]).step == bad
    assert decide_fixes(goal, ran, [bad, bad]).step is None
    assert not decide_fixes(goal, ran, [bad, bad]).over


def test_purpose_of_a_step_distinguishes_bad_end_and_candidate():
    goal, ran = known((BAD, {"a": RED}))
    assert decide_fixes(goal, ran).step == Step("0", ("a",), Purpose.FIX)


def test_a_combination_to_be_made_keeps_the_planner_open():
    """Neither fixes both cells by itself."""
    trials = [(BAD, {"a": RED, "b": RED})]
    trials += [("0", {"a": GREEN, "b": RED})] * RUNS + [("1", {"a": RED, "b": GREEN})] * RUNS
    state = decide_fixes(*known(*trials, candidates=2))
    assert (state.step, state.wanted, state.over) == (None, frozenset({0, 1}), False)


def test_candidates_that_fix_a_cell_are_combined_before_the_others():
    project = Project({"a": {1}, "b": {3}}, 6)
    project.play()
    assert {sha for sha in project.ran() if "+" in sha} == {"1+3"}


def test_as_many_runs_are_missing_as_the_cell_with_the_fewest_passes_takes():
    evaluation = FixEvaluation(*known((BAD, {"a": GREEN, "b": Outcome.INFRASTRUCTURE})))
    assert evaluation.left(BAD) == ("a", "b")
    assert evaluation.missing(BAD) == RUNS
