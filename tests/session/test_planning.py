"""The goal of a session, from its request."""

from __future__ import annotations

import pytest

from bisect_tool.request import Watched
from bisect_tool.session.planning import planner_of


@pytest.mark.parametrize("asked_for", [(), ("test_a", "test_b")])
def test_a_watch_bisects_the_cells_that_turned_red(session, asked_for):
    watched = Watched(name="night", cells=tuple(("night", "night", "", cell, "") for cell in asked_for))
    request = session.request.model_copy(update={"watched": watched})
    planner = planner_of(request, session.repository, session.range)
    assert planner.goal.only == set(asked_for)


def test_a_bisection_of_no_watch_searches_all_cells(session):
    assert planner_of(session.request, session.repository, session.range).goal.only == frozenset()
