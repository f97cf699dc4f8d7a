"""Ranges on real repositories: who is a candidate, and which ends are refused."""

from __future__ import annotations

import pytest

from bisect_tool.errors import UsageError


def test_candidates_of_a_line(project, opened):
    shas = [project.commit(f"change {i}") for i in range(5)]
    found = opened().range([shas[1]], shas[4])
    assert [commit.sha for commit in found.commits] == shas[2:]
    assert found.boundary == (shas[1],)
    assert found.parents[shas[2]] == (shas[1],)


def test_equal_ends(project, opened):
    sha = project.commit("only")
    with pytest.raises(UsageError, match="same"):
        opened().range([sha], sha)


def test_swapped_ends(project, opened):
    first, last = project.commit("first"), project.commit("last")
    with pytest.raises(UsageError, match="swapped"):
        opened().range([last], first)


def test_a_side_branch_as_good_end_names_the_merge_base(project, opened):
    base = project.commit("base")
    project.git("checkout", "-q", "-b", "side")
    side = project.commit("on the side")
    project.git("checkout", "-q", "main")
    bad = project.commit("bad")
    with pytest.raises(UsageError, match="not an ancestor") as caught:
        opened().range([side], bad)
    assert base[:12] in caught.value.hint
