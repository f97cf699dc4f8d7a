"""Ranges of real repositories: candidates, and rejected ends."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bisect_tool.errors import UsageError
from bisect_tool.search import Dag


def shas(found):
    return [commit.sha for commit in found.commits]


@pytest.fixture
def merged(project):
    """base - left - - - merge - last, and base - side1 - side2 - merge."""
    named = {"base": project.commit("base")}
    project.git("checkout", "-q", "-b", "side")
    named["side1"] = project.commit("side1")
    named["side2"] = project.commit("side2")
    project.git("checkout", "-q", "main")
    named["left"] = project.commit("left")
    named["merge"] = project.merge("side")
    named["last"] = project.commit("last")
    return named


def test_candidates_of_a_linear_history(project, opened):
    made = [project.commit(f"change {i}") for i in range(5)]
    found = opened().range([made[1]], made[4])
    assert shas(found) == made[2:]
    assert found.goods == (made[1],)
    assert found.boundary == (made[1],)
    assert found.parents[made[2]] == (made[1],)
    assert found.commit(made[3]).subject == "change 3"


def test_both_sides_of_a_merge_are_candidates(merged, opened):
    found = opened().range([merged["base"]], merged["last"])
    assert set(shas(found)) == set(merged.values()) - {merged["base"]}
    assert found.commits[-1].sha == merged["last"]
    assert found.parents[merged["merge"]] == (merged["left"], merged["side2"])
    places = {sha: place for place, sha in enumerate(shas(found))}
    for sha, parents in found.parents.items():
        assert all(places[parent] < places[sha] for parent in parents if parent in places)


def test_first_parent_is_the_mainline(merged, opened):
    found = opened().range([merged["base"]], merged["last"], first_parent=True)
    assert shas(found) == [merged["left"], merged["merge"], merged["last"]]
    assert found.parents[merged["merge"]] == (merged["left"],)
    assert found.boundary == (merged["base"],)


def test_first_parents_of_a_merge_exclude_its_side(merged, opened):
    mainline = tuple(merged[name] for name in ("base", "left", "merge", "last"))
    assert opened().first_parents(merged["last"], 10) == mainline
    assert opened().first_parents(merged["last"], 2) == mainline[-2:]


def test_several_good_ends(merged, opened):
    found = opened().range([merged["base"], merged["side1"]], merged["last"])
    assert set(shas(found)) == {merged[name] for name in ("side2", "left", "merge", "last")}
    assert set(found.boundary) == {merged["base"], merged["side1"]}


def test_equal_ends(project, opened):
    sha = project.commit("only")
    with pytest.raises(UsageError, match="same"):
        opened().range(["main"], sha)


def test_swapped_ends(project, opened):
    first, last = project.commit("first"), project.commit("last")
    with pytest.raises(UsageError, match="swapped"):
        opened().range([last], first)


def test_no_good_end(project, opened):
    with pytest.raises(UsageError, match="no good"):
        opened().range([], project.commit("only"))


def test_good_end_on_a_side_branch_names_the_merge_base(project, opened):
    base = project.commit("base")
    project.git("checkout", "-q", "-b", "side")
    side = project.commit("on the side")
    project.git("checkout", "-q", "main")
    bad = project.commit("bad")
    with pytest.raises(UsageError, match="not an ancestor") as caught:
        opened().range([side], bad)
    assert base[:12] in caught.value.hint


def test_no_common_history(project, opened):
    first = project.commit("first")
    project.git("checkout", "-q", "--orphan", "elsewhere")
    with pytest.raises(UsageError, match="no common history"):
        opened().range([first], project.commit("second root"))


def test_shallow_history_ends_at_its_boundary(project, opened, tmp_path):
    made = [project.commit(f"change {i}") for i in range(5)]
    cut = tmp_path / "cut"
    project.git("clone", "-q", "--depth", "3", f"file://{project.path}", str(cut))
    repository = opened().open(str(cut), tmp_path / "cache")
    assert shas(repository.range([made[2]], made[4])) == made[3:]
    with pytest.raises(UsageError, match="no commit"):
        repository.range([made[1]], made[4])


@pytest.mark.parametrize("seed", range(4))
def test_search_weighs_commits_as_git_does(project, opened, seed):
    """`git rev-list --bisect-all` prints min(ancestors, rest) for each commit; the weights are the same."""
    chance = random.Random(seed)  # noqa: S311
    base = project.commit("base")
    branches = ["main"]
    for number in range(14):
        project.git("checkout", "-q", chance.choice(branches))
        if chance.random() < 0.4:
            branches.append(f"branch{number}")
            project.git("checkout", "-q", "-b", branches[-1])
        project.commit(f"change {number}")
        others = [name for name in branches if chance.random() < 0.3]
        if others:
            project.merge(*others)
    project.git("checkout", "-q", "main")
    project.merge(*branches, subject="all together")
    bad = project.commit("last")

    dag = Dag(opened().range([base], bad).parents)
    total = len(dag.candidates)
    weights = dag.ancestry.sums_over_ancestors(np.ones(total)).astype(int).tolist()
    ours = {sha: min(weight, total - weight) for sha, weight in zip(dag.candidates, weights, strict=True)}
    lines = project.git("rev-list", "--bisect-all", bad, f"^{base}").splitlines()
    theirs = {line.split()[0]: int(line.rpartition("dist=")[2].rstrip(")")) for line in lines}
    assert ours == theirs
