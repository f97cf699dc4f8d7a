"""Two hundred simulated searches of the demo's history, with its flaky and its broken commits."""

from __future__ import annotations

import random

import pytest
from worlds import GOOD, World, lineage, simulate

from bisect_tool.demo.patch_series import Series
from bisect_tool.planner import Finding
from bisect_tool.scenario import scenarios_root

SEARCHES = 200
CELLS = ("single_completion", "completion_streaming", "teardown")


@pytest.fixture(scope="module")
def series():
    return Series.read(scenarios_root() / "reference_engine" / "series.toml")


@pytest.fixture(scope="module")
def parents(series):
    """The labels of the range, each with its parents; all earlier commits are the good end."""
    parents_of: dict[str, tuple[str, ...]] = {}
    previous = GOOD
    for commit in series.commits:
        parents_of[commit.label] = commit.parents or (previous,)
        previous = commit.label
    kept = lineage(parents_of, series.marks["bad"]) - lineage(parents_of, series.marks["good"])
    inside = [commit.label for commit in series.commits if commit.label in kept]
    return {
        label: tuple(parent if parent in kept else GOOD for parent in parents_of[label]) for label in inside
    }


def flaky_outcomes(parents, series, seed):
    """Completions fail in another way in one run of three, from the flaky commit to the one that fixes it."""
    rng = random.Random(seed)  # noqa: S311
    flaky = {
        label
        for label in parents
        if series.marks["flaky"] in lineage(parents, label) and "counted-ids" not in lineage(parents, label)
    }
    outcomes = {
        (label, cell): [rng.choice(["other", "", ""]) for _ in range(30)]
        for label in flaky
        for cell in CELLS[:2]
    }
    broken = {(series.marks["broken"], cell): ["other"] for cell in CELLS[:2]}
    return {**outcomes, **broken, series.marks["unbuildable"]: ["unbuildable"]}


@pytest.mark.slow
def test_flaky_commit_misleads_none_of_two_hundred_searches(parents, series):
    culprit = series.marks["culprit"]
    wrong = []
    for seed in range(SEARCHES):
        world = World(parents, dict.fromkeys(CELLS, culprit), flaky_outcomes(parents, series, seed))
        search = simulate(world)
        for cell in CELLS:
            found = search.of(cell)
            if (found.finding, found.culprit) != (Finding.CULPRIT, culprit):
                wrong.append((seed, cell, found.finding, found.culprit))
    assert wrong == []
