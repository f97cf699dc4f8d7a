"""The walk of a real history: its stops on the mainline, and the observed results that it uses."""

import pytest

from bisect_tool.checks import CommandCheck
from bisect_tool.git import Repository
from bisect_tool.mode import ObservedRuns, Walk
from bisect_tool.options.resolve_mode import span_of
from bisect_tool.request import Request
from bisect_tool.session.walk_goal import walk_goal


@pytest.fixture
def history(project, tmp_path):
    """Ten commits on the mainline, the sixth of which is a merge."""
    line = project.commits(*[0] * 5)
    project.git("checkout", "-q", "-b", "side", line[2])
    side = project.commit(0)
    project.git("checkout", "-q", "main")
    line += [project.merge("side", 0), *project.commits(*[0] * 4)]
    return Repository.open(str(project.path), tmp_path / "cache"), line, side


def goal_of(history, find="regression", observed=()):
    repository, line, side = history
    names = dict(enumerate(line)) | {"side": side}
    runs = tuple(
        ObservedRuns(cell=cell, commit=names[place], passed=passed, failed=failed)
        for cell, place, passed, failed in observed
    )
    mode = Walk(find=find, endpoint_runs=3, observations=runs)
    request = Request(mode=mode, repo="/r", bad=line[9], check=CommandCheck(argv=("true",)))
    return walk_goal(request, mode, repository, span_of(request, repository))


def test_a_walk_follows_first_parents_to_the_root(history):
    _, line, _ = history
    goal = goal_of(history)
    assert [line.index(sha) for sha in goal.stops] == [9, 8, 7, 5, 1, 0]
    assert (goal.fix, goal.endpoint_runs, goal.observed) == (False, 3, {})


def test_passes_before_the_oldest_failure_count(history):
    _, line, _ = history
    observed = [
        ("a", 2, 1, 0),
        ("a", 4, 2, 0),
        ("a", 6, 1, 1),
        ("a", 7, 1, 0),
        ("b", 9, 5, 0),
        ("b", "side", 1, 0),
    ]
    assert goal_of(history, observed=observed).observed == {"a": (line[4], line[2])}


def test_failures_count_for_a_fix(history):
    _, line, _ = history
    observed = [("a", 2, 1, 0), ("a", 4, 0, 2), ("a", 6, 1, 1)]
    assert goal_of(history, "fix", observed).observed == {"a": (line[6], line[4])}
