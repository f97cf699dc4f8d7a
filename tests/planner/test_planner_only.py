"""A bisection of selected cells runs no trial for others that failed before its range."""

from __future__ import annotations

import pytest
from worlds import World, line, simulate

from bisect_tool.planner import Finding, Purpose, conclude_early
from bisect_tool.search.counted_runs import Count
from bisect_tool.search.earlier_runs import EarlierRuns

WORLD = World(line(8), {"red": "c4", "lottery": "c0", "green": None}, rates={"lottery": (0.4, 0.4)}, seed=2)
FLAKY = EarlierRuns(before=Count(failed=4, passed=20), commits=24)
NEVER_FAILED = EarlierRuns(before=Count(passed=24), commits=24)


def goal_for(*only, earlier=FLAKY):
    return WORLD.goal(only=frozenset(only), earlier={"lottery": earlier})


def test_cell_that_failed_before_is_not_searched_with_others():
    search = simulate(WORLD, goal_for("red"))
    assert search.of("red").culprit == "c4"
    assert any(trial.cell("lottery").outcome == "failed" for trial in search.trials if trial.whole)
    assert {step.cells for step in search.steps if step.purpose is not Purpose.BAD_END} == {("red",)}
    assert {item.cell for item in search.state.conclusions} == {"red", "green"}


def test_asked_for_cell_may_be_named_as_in_junit_xml():
    world = World(line(8), {"tests/a.py::red": "c4", "tests/a.py::old": "c0"})
    failed_before = {"tests.a::old": EarlierRuns(before=Count(failed=3), commits=3)}
    search = simulate(world, world.goal(only=frozenset({"tests.a::red"}), earlier=failed_before))
    assert {item.cell for item in search.state.conclusions} == {"tests/a.py::red"}


@pytest.mark.parametrize(
    ("only", "earlier"),
    [
        ((), FLAKY),
        (("red", "lottery"), FLAKY),
        (("red", "of another name"), FLAKY),
        (("red",), NEVER_FAILED),  # it may be flaky, with the same culprit
    ],
)
def test_other_cells_are_searched(only, earlier):
    search = simulate(WORLD, goal_for(*only, earlier=earlier))
    assert {item.cell for item in search.state.conclusions} == {"red", "lottery", "green"}
    assert len(search.trials) > len(simulate(WORLD, goal_for("red")).trials)


def test_early_end_has_no_conclusion_about_cells_not_searched():
    goal = goal_for("red")
    trials = simulate(WORLD, goal).trials[:3]
    found = {item.cell: item.finding for item in conclude_early(goal, trials).conclusions}
    assert found.pop("red") is Finding.CANDIDATES
    assert set(found) <= {"green"}
