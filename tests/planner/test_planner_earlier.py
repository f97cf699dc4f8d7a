"""The planner with results of others: they inform a cell's search, and are not counted as its runs."""

from worlds import GOOD, World, line, one_cell, simulate

from bisect_tool.planner import BisectPlanner, EndCounts, Finding, Purpose, decide
from bisect_tool.planner.types import Step
from bisect_tool.search.counted_runs import Count
from bisect_tool.search.earlier_runs import EarlierRuns

NIGHTS = EarlierRuns(((GOOD, Count(0, 1)), ("c15", Count(2, 3))), Count(0, 19), Count(1, 1))


def test_conclusion_counts_only_runs_of_this_session():
    world = one_cell(16, 6)
    known = simulate(world, world.goal(earlier={"cell": NIGHTS})).of("cell")
    ran = simulate(world).of("cell")
    assert (known.finding, known.culprit) == (Finding.CULPRIT, "c6")
    assert known.bad == ran.bad == EndCounts(1, 1)
    assert known.good == EndCounts(0, 0)


def test_cell_that_passes_now_is_green_despite_earlier_failures():
    world = World(line(4), {"cell": None})
    search = simulate(world, world.goal(earlier={"cell": NIGHTS}))
    assert search.of("cell").finding is Finding.GREEN
    assert len(search.trials) == 2


def test_earlier_results_of_one_cell_do_not_affect_another():
    world = World(line(16), {"a": "c6", "b": "c6"})
    goal = world.goal(earlier={"a": NIGHTS})
    state = decide(goal, [world.trial(Step("c15", None, Purpose.BAD_END), 0)])
    plain = decide(world.goal(), [world.trial(Step("c15", None, Purpose.BAD_END), 0)])
    a, b = state.beliefs
    assert b == plain.beliefs[1]
    assert a != plain.beliefs[0]


def test_disagreement_with_earlier_results_is_reported():
    world = one_cell(16, 6)
    trials = [world.trial(Step("c15", None, Purpose.BAD_END), 0)]
    assert decide(world.goal(), trials).disagreement == ""
    state = BisectPlanner(world.goal(earlier={"cell": NIGHTS})).decide(trials)
    assert state.disagreement == "runs and earlier results disagree"
