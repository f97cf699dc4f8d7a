"""The search on real repositories with merges, compared with `git bisect run`."""

from __future__ import annotations

import random
import re

import pytest

from bisect_tool.git import Repository
from bisect_tool.search import Bisection, Candidates, Culprit, Dag, Inference
from bisect_tool.verdict import Verdict


@pytest.fixture(params=range(3))
def merged(request, project, tmp_path):
    """A random history with merges, an octopus and a commit that changes nothing; its range."""
    chance = random.Random(request.param)  # noqa: S311
    base = project.commit("base")
    branches = ["main"]
    for number in range(10):
        project.git("checkout", "-q", chance.choice(branches))
        if chance.random() < 0.4:
            branches.append(f"branch{number}")
            project.git("checkout", "-q", "-b", branches[-1])
        project.commit(f"change {number}", {} if number == 4 else None)
        others = [name for name in branches if chance.random() < 0.2]
        if others:
            project.merge(*others)
    project.git("checkout", "-q", "main")
    project.merge(*branches)
    bad = project.commit("bad")
    return Repository.open(str(project.path), tmp_path / "cache").range([base], bad)


def search(span, is_bad, skipped=frozenset()):
    """The final state, and the number of trials that narrowed the range, without confirming ones."""
    state = Bisection(Inference(Dag(span.parents), span.bad, span.goods)).observe((span.bad, Verdict.BAD))
    trials = 0
    while plan := state.plan():
        (sha,) = plan
        verdict = Verdict.SKIP if sha in skipped else Verdict.BAD if is_bad(sha) else Verdict.GOOD
        trials += state.known.narrowing and sha not in span.goods
        state = state.observe((sha, verdict))
    return state, trials


def descendants(project, culprit):
    """The culprit and its descendants, by git."""
    return {culprit, *project.git("rev-list", "--ancestry-path", f"{culprit}..main").split()}


def test_same_culprits_as_git_in_no_more_trials(project, merged):
    ours = theirs = 0
    for culprit in merged.parents:
        bad = descendants(project, culprit)
        state, trials = search(merged, bad.__contains__)
        found = state.conclude()
        assert isinstance(found, Culprit)
        assert (found.sha, found.parents) == (culprit, merged.parents[culprit])
        assert 0.95 <= found.confidence <= 1.0
        project.git("bisect", "start", merged.bad, *merged.goods)
        output = project.git("bisect", "run", "sh", "-c", f"! git merge-base --is-ancestor {culprit} HEAD")
        assert f"{culprit} is the first bad commit" in output
        project.git("bisect", "reset")
        ours += trials
        theirs += output.count("running ")
    assert ours <= theirs


def test_no_more_candidates_among_skips_than_git_lists(project, merged):
    """Often fewer: git tests only candidates, and other commits can distinguish skipped ones."""
    chance = random.Random(5)  # noqa: S311
    for culprit in chance.sample(sorted(merged.parents), 4):
        bad = descendants(project, culprit)
        skipped = {sha for sha in merged.parents if chance.random() < 0.4} - {merged.bad}
        state, _ = search(merged, bad.__contains__, skipped)
        project.git("bisect", "start", merged.bad, *merged.goods)
        program = "".join(f"test $(git rev-parse HEAD) = {sha} && exit 125; " for sha in sorted(skipped))
        check = f"{program}! git merge-base --is-ancestor {culprit} HEAD"
        output = project.git_output("bisect", "run", "sh", "-c", check)
        found = state.conclude()
        if isinstance(found, Culprit):
            assert found.sha == culprit
            assert culprit in output
        else:
            assert isinstance(found, Candidates)
            assert culprit in found.shas
            assert found.skipped
            listed = output.partition("first bad commit could be any of:")[2]
            assert set(found.shas) <= set(re.findall(r"^[0-9a-f]{40}$", listed, re.MULTILINE))
        project.git("bisect", "reset")


def test_on_the_mainline_only_merges_are_named(project, merged, tmp_path):
    repository = Repository.open(str(project.path), tmp_path / "cache")
    mainline = repository.range(merged.goods, merged.bad, first_parent=True)
    for culprit in mainline.parents:
        state, _ = search(mainline, descendants(project, culprit).__contains__)
        found = state.conclude()
        assert isinstance(found, Culprit)
        assert found.sha == culprit
        assert len(found.parents) == 1
        assert state.known.observed.count((found.parents[0], Verdict.GOOD)) >= 2
