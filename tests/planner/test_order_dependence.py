"""The planner of cells that fail only after others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GOOD, World, line, simulate

from bisect_tool.planner import Finding, Purpose

CELLS = ("a[1]", "b[1]", "c[1]", "d[1]", "e[4]", "last[4]")


@given(st.integers(0, 7), st.sets(st.sampled_from(CELLS[:-1]), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_order_dependent_cell_gets_prerequisites_and_culprit(culprit, needed):
    culprits = dict.fromkeys(CELLS) | {"last[4]": f"c{culprit}"}
    search = simulate(World(line(8), culprits, followers={"last[4]": tuple(needed)}))
    found = search.of("last[4]")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, f"c{culprit}")
    assert found.prerequisites == tuple(cell for cell in CELLS if cell in needed)
    assert len(search.trials) <= 45


@pytest.mark.parametrize("culprit", ["c0", "c4", "c7"])
def test_search_runs_the_cells_in_their_failing_order(culprit):
    world = World(line(8), {"a[1]": None, "b[1]": None, "c[4]": culprit}, followers={"c[4]": ("b[1]",)})
    search = simulate(world)
    narrowing = [step.cells for step in search.steps if step.purpose is Purpose.NARROW]
    assert set(narrowing) <= {("b[1]", "c[4]")}
    assert search.of("c[4]").culprit == culprit
    assert search.of("a[1]").prerequisites == ()


def test_cells_of_a_group_with_the_same_prerequisites_run_together():
    culprits = dict.fromkeys(("a[1]", "b[1]", "c[1]", "d[1]")) | dict.fromkeys(("e[4]", "f[4]", "g[4]"), "c4")
    world = World(line(8), culprits, followers=dict.fromkeys(("e[4]", "f[4]", "g[4]"), ("b[1]",)))
    search = simulate(world)
    assert {search.of(cell).prerequisites for cell in ("e[4]", "f[4]", "g[4]")} == {("b[1]",)}
    assert {search.of(cell).culprit for cell in ("e[4]", "f[4]", "g[4]")} == {"c4"}
    assert len(search.trials) <= 20


def test_cell_that_fails_alone_is_isolated_once():
    world = World(line(8), {"a[1]": None, "b[4]": "c4", "c[4]": "c4", "d[1]": "c4"})
    search = simulate(world)
    isolated = [(step.sha, step.cells) for step in search.steps if step.purpose is Purpose.ISOLATED]
    assert isolated == [("c7", ("b[4]", "c[4]")), ("c7", ("d[1]",))]
    assert {found.prerequisites for found in search.state.conclusions} == {()}


def test_flaky_cell_is_rarely_reported_as_order_dependent():
    cells = {"a[1]": None, "b[1]": None, "c[4]": "c9"}
    worlds = [World(line(16), cells, rates={"c[4]": (0.5, 0.0)}, seed=seed) for seed in range(60)]
    found = [simulate(world, world.goal(endpoint_runs=9)).of("c[4]") for world in worlds]
    assert sum(bool(each.prerequisites) for each in found) <= 3
    assert sum(each.culprit == "c9" for each in found) >= 52


@pytest.mark.parametrize("culprit", ["c0", "c7"])
def test_ends_are_confirmed_after_the_same_cells_as_candidates(culprit):
    world = World(line(8), {"first": None, "second": culprit})
    search = simulate(world)
    assert search.of("second").culprit == culprit
    # Only the failing end runs every cell, so more cells precede `second` there.
    alone = [trial for trial in search.trials if [cell.cell for cell in trial.cells] == ["second"]]
    assert {culprit, GOOD if culprit == "c0" else "c6"} <= {trial.sha for trial in alone}


def test_ends_need_no_extra_runs_if_every_cell_fails():
    world = World(line(8), {"first": "c7", "second": "c7"})
    assert [step.sha for step in simulate(world).steps].count("c7") <= 3  # once as the end, twice to confirm
