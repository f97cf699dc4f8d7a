"""The history of the demo, played two hundred times: its flaky commit, its broken ones, and their luck."""

from __future__ import annotations

import random

import pytest
from worlds import GOOD, World, lineage, play

from bisect_tool.demo.patch_series import Series
from bisect_tool.planner import Finding
from bisect_tool.scenario import scenarios_root

PLAYED = 200
CELLS = ("single_completion", "completion_streaming", "teardown")


@pytest.fixture(scope="module")
def series():
    return Series.read(scenarios_root() / "reference_engine" / "series.toml")


@pytest.fixture(scope="module")
def parents(series):
    """The labels of the range, with those of their parents; what lies before it is the good end."""
    above: dict[str, tuple[str, ...]] = {}
    previous = GOOD
    for commit in series.commits:
        above[commit.label] = commit.parents or (previous,)
        previous = commit.label
    kept = lineage(above, series.marks["bad"]) - lineage(above, series.marks["good"])
    inside = [commit.label for commit in series.commits if commit.label in kept]
    return {label: tuple(parent if parent in kept else GOOD for parent in above[label]) for label in inside}


def unlucky(parents, series, seed):
    """Completions fail in another way at one run in three, from the flaky commit to the one that mends it."""
    chance = random.Random(seed)  # noqa: S311
    flaky = {
        label
        for label in parents
        if series.marks["flaky"] in lineage(parents, label) and "counted-ids" not in lineage(parents, label)
    }
    words = {
        (label, cell): [chance.choice(["other", "", ""]) for _ in range(30)]
        for label in flaky
        for cell in CELLS[:2]
    }
    broken = {(series.marks["broken"], cell): ["other"] for cell in CELLS[:2]}
    return {**words, **broken, series.marks["unbuildable"]: ["unbuildable"]}


@pytest.mark.slow
def test_the_flaky_commit_does_not_mislead_a_run_in_two_hundred(parents, series):
    culprit = series.marks["culprit"]
    wrong = []
    for seed in range(PLAYED):
        world = World(parents, dict.fromkeys(CELLS, culprit), unlucky(parents, series, seed))
        played = play(world)
        for cell in CELLS:
            found = played.of(cell)
            if (found.finding, found.culprit) != (Finding.CULPRIT, culprit):
                wrong.append((seed, cell, found.finding, found.culprit))
    assert wrong == []
