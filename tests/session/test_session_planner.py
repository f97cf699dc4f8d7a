"""The goal of a session, from its request."""

from __future__ import annotations

import pytest

from bisect_tool.mode import Repro
from bisect_tool.request import Watched
from bisect_tool.session.session_planner import planner_of, purpose_at


@pytest.mark.parametrize("cells", [(), ("test_a", "test_b")])
def test_a_watch_bisects_the_cells_that_turned_red(session, cells):
    watched = Watched(name="night", cells=tuple(("night", "night", "", cell, "") for cell in cells))
    request = session.request.model_copy(update={"watched": watched})
    planner = planner_of(request, session.repository, session.range)
    assert planner.goal.only == set(cells)


def test_bisection_without_a_watch_searches_all_cells(session):
    assert planner_of(session.request, session.repository, session.range).goal.only == frozenset()


@pytest.mark.parametrize(
    ("find", "ends"), [("regression", ("bad end", "good end")), ("fix", ("good end", "bad end"))]
)
def test_purpose_of_a_trial_is_that_of_its_commit(session, find, ends):
    mode = session.request.mode.model_copy(update={"find": find})
    request = session.request.model_copy(update={"mode": mode})
    (good,) = request.goods
    assert tuple(purpose_at(request, sha) for sha in (request.bad, good)) == ends
    assert purpose_at(request, "f" * 40) == "narrow"
    assert purpose_at(request.model_copy(update={"mode": Repro(runs=2)}), request.bad) == "repeat"
