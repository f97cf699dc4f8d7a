"""How given commits relate to others, in a real repository with a merge."""

import pytest

from bisect_tool.git.commit_relations import ancestors, between, existing


@pytest.fixture
def merged(project):
    """base - left - - - merge - last, and base - side - merge; other descends from base alone."""
    named = {"base": project.commit("base")}
    project.git("checkout", "-q", "-b", "other")
    named["other"] = project.commit("other")
    project.git("checkout", "-q", "-b", "side", named["base"])
    named["side"] = project.commit("side")
    project.git("checkout", "-q", "main")
    named["left"] = project.commit("left")
    named["merge"] = project.merge("side")
    named["last"] = project.commit("last")
    return named


@pytest.fixture
def git(merged, opened):
    return opened().git


def test_only_commits_of_the_repository_exist(git, merged):
    assert existing(git, [merged["side"], "0" * 40]) == {merged["side"]}
    assert existing(git, []) == frozenset()


def test_ancestors_of_several_commits(git, merged):
    shas = merged.values()
    assert ancestors(git, shas, [merged["left"]]) == {merged["base"], merged["left"]}
    assert ancestors(git, shas, [merged["left"], merged["other"]]) == {
        merged[name] for name in ("base", "left", "other")
    }
    assert ancestors(git, [], [merged["left"]]) == frozenset()


def test_commits_between_two_descend_from_the_first(git, merged):
    assert between(git, merged["side"], [merged["last"]]) == {merged["merge"], merged["last"]}
    assert between(git, merged["left"], [merged["other"], merged["merge"]]) == {merged["merge"]}
    assert between(git, merged["last"], [merged["side"]]) == frozenset()
    assert between(git, merged["base"], []) == frozenset()
