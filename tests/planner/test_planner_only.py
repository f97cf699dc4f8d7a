"""A bisection that is asked for some cells: the others run with them, but nothing is run for them."""

from __future__ import annotations

import pytest
from worlds import World, line, play

from bisect_tool.planner import Finding, Purpose, conclude_early

WORLD = World(line(8), {"red": "c4", "lottery": "c0", "green": None}, rates={"lottery": (0.4, 0.4)}, seed=2)


def test_cell_that_is_not_asked_for_is_not_searched():
    played = play(WORLD, WORLD.goal(only=frozenset({"red"})))
    assert played.of("red").culprit == "c4"
    assert any(trial.cell("lottery").outcome == "failed" for trial in played.trials if trial.whole)
    assert {step.cells for step in played.steps if step.purpose is not Purpose.BAD_END} == {("red",)}
    assert {item.cell for item in played.state.conclusions} == {"red", "green"}


def test_cell_that_is_not_asked_for_takes_many_runs_otherwise():
    assert len(play(WORLD).trials) > 2 * len(play(WORLD, WORLD.goal(only=frozenset({"red"}))).trials)


@pytest.mark.parametrize("only", [(), ("red", "of another name")])
def test_all_cells_are_searched_unless_those_asked_for_ran(only):
    played = play(WORLD, WORLD.goal(only=frozenset(only)))
    assert {item.cell for item in played.state.conclusions} == {"red", "lottery", "green"}


def test_an_early_end_says_nothing_of_cells_that_are_not_asked_for():
    goal = WORLD.goal(only=frozenset({"red"}))
    trials = play(WORLD, goal).trials[:3]
    found = {item.cell: item.finding for item in conclude_early(goal, trials).conclusions}
    assert found.pop("red") is Finding.CANDIDATES
    assert set(found) <= {"green"}
