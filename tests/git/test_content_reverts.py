"""Commits that restore a file's earlier content, whatever their messages."""

from __future__ import annotations

import pytest

from bisect_tool.git import content_reverts as module
from bisect_tool.git.content_reverts import restored


@pytest.fixture
def found(project, opened):
    """Make a commit for each content of `code`; returns by number which commits restore which."""

    def commits(*contents):
        shas = [
            project.commit(f"commit {number}", {"number": f"{number}\n", "code": content})
            for number, content in enumerate(contents)
        ]
        repository = opened()
        by = restored(repository, repository.range([shas[0]], shas[-1]))
        return {shas.index(sha): shas.index(other) for sha, other in by.items()}

    return commits


@pytest.mark.parametrize(
    ("contents", "takes_back"),
    [
        ("abcd", {}),
        ("aabba", {4: 2}),
        ("abab", {2: 1, 3: 2}),
        ("abcab", {3: 1, 4: 2}),
        ("aba" + "ab", {2: 1, 4: 2}),
    ],
)
def test_restored_content(found, contents, takes_back):
    assert found(*contents) == takes_back


def test_added_and_removed_file_and_changed_mode(project, opened):
    good = project.commit("begin", {"tool": "x\n"})
    added = project.commit("add", {"new": "x\n"})
    (project.path / "tool").chmod(0o755)
    executable = project.commit("mode", {})
    project.git("rm", "-q", "new")
    removed = project.commit("remove", {})
    (project.path / "tool").chmod(0o644)
    plain = project.commit("mode again", {})
    repository = opened()
    assert restored(repository, repository.range([good], plain)) == {removed: added, plain: executable}


def test_too_long_range_is_not_read(found, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 3)
    assert found(*"abab") == {2: 1, 3: 2}
    assert found(*"ababa") == {}
