"""The expected duration of a trial, and the choice of the quicker of two equally informative ones."""

from __future__ import annotations

import pytest

from bisect_tool.planner.bisect import BisectPlanner
from bisect_tool.planner.cost import Cost
from bisect_tool.planner.types import Goal
from bisect_tool.search import Dag
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

LINE = {f"c{n}": (f"c{n - 1}" if n else "good",) for n in range(8)}
MERGED = {"a": ("good",), "b": ("a",), "x": ("a",), "y": ("x",), "m": ("b", "y")}


def trial(sha, build_s=0.0, environment="", **cells):
    results = tuple(
        CellResult(cell=cell, outcome=Outcome.PASSED, seconds=seconds) for cell, seconds in cells.items()
    )
    return TrialResult(
        sha=sha,
        cells=results,
        outcome=Outcome.PASSED,
        started="2026-03-06T00:00:00+00:00",
        seconds=5.0 + build_s + sum(cells.values()),
        build_seconds=build_s,
        environment=environment,
        environment_reused=not build_s,
    )


def cost(parents, *trials, **given):
    bad = list(parents)[-1]
    return Cost.of(Goal(Dag(parents), ("good",), bad, **given), trials)


@pytest.mark.parametrize(
    ("checked_out", "sha", "between"), [("c7", "c7", 0), ("c7", "c3", 4), ("c3", "c7", 4)]
)
def test_a_checkout_costs_by_the_commits_between(checked_out, sha, between):
    known = cost(LINE, trial(checked_out))
    assert known.at(sha, ()) - known.at(checked_out, ()) == pytest.approx(0.01 * between**0.5)


@pytest.mark.parametrize(("sha", "between"), [("m", 0), ("b", 3), ("y", 2), ("x", 3), ("a", 4)])
def test_checkout_cost_counts_the_commits_on_both_sides_of_a_merge(sha, between):
    known = cost(MERGED, trial("m"))
    assert known.at(sha, ()) - known.at("m", ()) == pytest.approx(0.01 * between**0.5)


def test_checkout_from_outside_the_range_costs_the_same_for_all_commits():
    known = cost(LINE, trial("good"))
    assert known.at("c0", ()) == known.at("c7", ()) == known.at("good", ())


def test_cell_costs_its_mean_duration():
    known = cost(LINE, trial("c7", slow=60.0, quick=1.0), trial("c7", slow=80.0))
    assert known.at("c7", ("slow",)) == pytest.approx(0.1 + 5 + 70)
    assert known.at("c7", ("slow", "quick")) == pytest.approx(0.1 + 5 + 71)


def test_build_of_an_environment_is_counted_once():
    environments = {"c7": "one", "c6": "one", "c5": "two", "c4": "three"}
    known = cost(
        LINE,
        trial("c7", build_s=30.0, environment="one"),
        environments=environments,
        cached=frozenset({"two"}),
    )
    assert known.at("c6", ()) == pytest.approx(0.1 + 5 + 0.01)
    assert known.at("c5", ()) == pytest.approx(0.1 + 5 + 0.01 * 2**0.5)
    assert known.at("c4", ()) == pytest.approx(0.1 + 5 + 0.01 * 3**0.5 + 30)


def test_latest_trial_determines_the_checked_out_commit():
    known = cost(LINE, trial("c7"), trial("c3"))
    assert known.at("c3", ()) < known.at("c4", ()) < known.at("c7", ())


def test_cost_of_unknown_cells_and_of_cells_longer_than_their_trial():
    overlapping = trial("c7", slow=60.0).model_copy(update={"seconds": 10.0})
    known = cost(LINE, overlapping)
    assert known.at("c7", ("slow", "new")) == pytest.approx(0.1 + 60)


def test_unknown_build_costs_five_times_the_tests():
    """A trial that reused its environment gives no build time."""
    environments = {"c4": "new", "c7": "there"}
    assert cost(LINE, environments=environments).at("c4", ()) == pytest.approx(0.1 + 5.0)
    seen = cost(LINE, trial("c7", slow=15.0), environments=environments)
    assert seen.at("c4", ()) == pytest.approx(0.1 + 0.01 * 3**0.5 + 5 + 5.0 * 20)
    built = cost(LINE, trial("c7", build_s=30.0, environment="there"), trial("c7"), environments=environments)
    assert built.at("c4", ()) == pytest.approx(0.1 + 0.01 * 3**0.5 + 5 + 30)


def test_downloads_and_compilations_have_separate_costs():
    given = {
        "environments": {"c4": "new", "c5": "other", "c7": "there"},
        "downloads": frozenset({"c5", "c7"}),
    }
    unseen = cost(LINE, **given)
    assert unseen.at("c5", ()) == pytest.approx(0.1 + 0.5)
    assert unseen.at("c4", ()) == pytest.approx(0.1 + 5.0)
    downloaded = cost(LINE, trial("c7", build_s=30.0, environment="there"), trial("c7"), **given)
    assert downloaded.at("c5", ()) == pytest.approx(0.1 + 0.01 * 2**0.5 + 5 + 30)
    assert downloaded.at("c4", ()) == pytest.approx(0.1 + 0.01 * 3**0.5 + 5 + 5.0 * 5)


def failed(sha):
    result = CellResult(cell="t", outcome=Outcome.FAILED, seconds=10.0)
    return trial(sha).model_copy(update={"cells": (result,), "outcome": Outcome.FAILED})


@pytest.mark.parametrize(("with_wheel", "chosen"), [("c30", True), ("c36", True), ("c62", False)])
def test_commits_with_a_wheel_are_preferred_near_the_optimum(with_wheel, chosen):
    """Each commit has its own environment; the middle is worth a compilation, a commit at the end is not."""
    line = {f"c{n}": (f"c{n - 1}" if n else "good",) for n in range(64)}
    goal = Goal(Dag(line), ("good",), "c63", endpoint_runs=1)
    environments, downloads = {sha: sha for sha in line}, frozenset({with_wheel})
    planner = BisectPlanner(goal).with_environments(environments, frozenset(), downloads)
    step = planner.decide([failed("c63"), trial("good", t=10.0)]).step
    assert (step.sha == with_wheel) == chosen
    assert 28 <= int(step.sha[1:]) <= 36
