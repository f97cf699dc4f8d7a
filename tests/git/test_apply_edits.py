"""Commits that the tool makes: reverts, patches and cherry-picks on another commit, and conflicts."""

from __future__ import annotations

import os

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.fix_candidates.later_changes import merge_commit_of, touched
from bisect_tool.git import Repository
from bisect_tool.git.apply_edits import Edit, EditKind, apply_edits

LINES = [str(number) for number in range(1, 21)]


def text(*changed):
    """Twenty lines; each of `changed` is a line's number and its new text."""
    lines = dict(enumerate(LINES, 1)) | dict(changed)
    return "".join(f"{line}\n" for line in lines.values())


def revert(sha):
    return Edit(EditKind.REVERT, sha)


@pytest.fixture
def shas(project):
    """Base, a change of a, of b, of b at the same line again, and one of documentation."""
    project.commit("Base", {"a": text(), "b": text(), "dir/c": text()})
    return [
        project.commit("Change a (#2)", {"a": text((5, "five"))}),
        project.commit("Change b (#3)", {"b": text((9, "nine"))}),
        project.commit("Change b again (#4)", {"b": text((9, "NINE"))}),
        project.commit("Document (#5)", {"doc": "words\n"}),
    ]


@pytest.fixture
def shown(project, opened):
    """The content of a file at a commit that the tool made."""
    return lambda sha, path: opened().file(sha, path).decode()


def test_revert(opened, shas, shown):
    made = apply_edits(opened(), shas[-1], [revert(shas[0])], "Without a")
    assert (shown(made.sha, "a"), shown(made.sha, "b")) == (text(), text((9, "NINE")))
    commit = opened().commit(made.sha)
    assert (commit.parents, commit.subject) == ((shas[-1],), "Without a")
    assert opened().changed_paths(made.sha) == ("a",)


def test_several_reverts_are_applied_in_order(opened, shas, shown):
    made = apply_edits(opened(), shas[-1], [revert(shas[2]), revert(shas[1]), revert(shas[0])], "All")
    assert (shown(made.sha, "a"), shown(made.sha, "b")) == (text(), text())


def test_conflict_names_its_files_and_leaves_no_state(opened, shas):
    misfit = apply_edits(opened(), shas[-1], [revert(shas[1])], "One")
    assert (misfit.sha, misfit.conflicts, misfit.why) == ("", ("b",), "conflicts")
    assert apply_edits(opened(), shas[-1], [revert(shas[0])], "Next").sha


def test_same_edits_make_the_same_commit_in_another_repository(project, opened, shas, tmp_path):
    edits = [revert(shas[0]), revert(shas[2])]
    other = Repository.open(str(project.path), tmp_path / "elsewhere")
    made = apply_edits(opened(), shas[-1], edits, "Same")
    assert made.sha
    assert apply_edits(other, shas[-1], edits, "Same") == made


def test_patch(project, opened, shas, shown):
    patch = project.git("diff", f"{shas[0]}~1", shas[0]).replace("five", "V").encode()
    base = f"{shas[0]}~1"
    made = apply_edits(opened(), opened().resolve(base), [Edit(EditKind.APPLY, patch=patch)], "Apply")
    assert shown(made.sha, "a") == text((5, "V"))


def test_patch_with_another_context_is_merged(project, opened, shas):
    project.git("checkout", "-q", f"{shas[1]}~1")
    project.write({"b": text((9, "other"))})
    patch = project.git("diff").encode()
    misfit = apply_edits(opened(), shas[-1], [Edit(EditKind.APPLY, patch=patch)], "Apply")
    assert (misfit.sha, misfit.conflicts) == ("", ("b",))


@pytest.mark.parametrize("patch", [b"no patch at all\n", b"--- a/gone\n+++ b/gone\n@@ -1 +1 @@\n-x\n+y\n"])
def test_patch_that_does_not_apply_has_a_reason(opened, shas, patch):
    misfit = apply_edits(opened(), shas[-1], [Edit(EditKind.APPLY, patch=patch)], "Apply")
    assert (misfit.sha, misfit.conflicts) == ("", ())
    assert misfit.why


def test_cherry_pick(project, opened, shas, shown):
    project.git("checkout", "-q", "-b", "side", f"{shas[0]}~1")
    side = project.commit("Change c", {"dir/c": text((1, "one"))})
    made = apply_edits(opened(), shas[-1], [Edit(EditKind.PICK, side)], "Pick")
    assert shown(made.sha, "dir/c") == text((1, "one"))


def test_empty_cherry_pick_changes_nothing(opened, shas):
    made = apply_edits(opened(), shas[-1], [Edit(EditKind.PICK, shas[0])], "Pick")
    assert (made.sha, made.why) == ("", "changes nothing")


def test_merge_is_reverted_to_its_mainline(project, opened, shas, shown):
    project.git("checkout", "-q", "-b", "side", shas[0])
    project.commit("Change c", {"dir/c": text((1, "one"))})
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    merge = project.head()
    made = apply_edits(opened(), merge, [revert(merge)], "Unmerge")
    assert shown(made.sha, "dir/c") == text()
    assert opened().same_tree(made.sha, shas[-1], ())


def test_hooks_configuration_and_checkout_are_ignored(project, opened, shas):
    hook = project.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    project.git("config", "merge.conflictStyle", "nonsense")
    project.write({"a": "not committed\n"})
    before = project.git("status", "--porcelain=v2", "--branch")
    assert apply_edits(opened(), shas[-1], [revert(shas[0])], "Revert").sha
    assert project.git("status", "--porcelain=v2", "--branch") == before


def test_no_file_is_checked_out(opened, shas, tmp_path):
    apply_edits(opened(), shas[-1], [revert(shas[0])], "Revert")
    left = [file for *_, files in os.walk(tmp_path / "cache" / "repositories" / "grafts") for file in files]
    assert not {"a", "b", "c", "doc"}.intersection(left)


def test_missing_commit_is_an_environment_error(opened, shas):
    with pytest.raises(EnvironmentFailed):
        apply_edits(opened(), shas[-1], [revert("0" * 40)], "Nothing")


@pytest.mark.parametrize(("number", "place"), [(2, 0), (3, 1), (5, 3), (6, None), (1, None)])
def test_commit_of_a_pull_request(opened, shas, number, place):
    found = opened().by_pull_request(number, shas[-1])
    assert (found.sha if found else None) == (None if place is None else shas[place])


def test_mentioned_pull_request_is_not_the_commits_own(project, opened, shas):
    project.commit("Follow (#2) up (#6)", {"doc": "more\n"})
    project.commit('Revert "Change a (#2)"', {"a": text()})
    assert opened().by_pull_request(2, project.head()).sha == shas[0]


def test_merge_commit_of_a_commit(project, opened, shas):
    project.git("checkout", "-q", "-b", "side", shas[0])
    side = project.commit("Change c", {"dir/c": text((1, "one"))})
    project.git("checkout", "-q", "main")
    merge = project.merge("side")
    last = project.commit("Later", {"doc": "later\n"})
    assert merge_commit_of(opened().range([side], last), side) == merge
    assert merge_commit_of(opened().range([shas[1]], last), shas[1]) is None
    assert merge_commit_of(opened().range([merge], last), merge) is None


CODE = "def one():\n    a = 1\n    b = 2\n    return a\n\n\ndef two():\n    c = 3\n    d = 4\n    return c\n"


def test_later_changes_to_the_same_function(project, opened):
    project.commit("Base", {"code.py": CODE, "other.py": CODE})
    culprit = project.commit("Culprit", {"code.py": CODE.replace("b = 2", "b = 7")})
    project.commit("Other function", {"code.py": CODE.replace("b = 2", "b = 7").replace("d = 4", "d = 8")})
    project.commit("Other file", {"other.py": CODE.replace("b = 2", "b = 7")})
    same = project.commit("Same function", {"code.py": CODE.replace("return a", "return a + 1")})
    span = opened().range([culprit], project.commit("Last", {"doc": "words\n"}))
    assert same in touched(opened(), span, culprit)
    subjects = [span.commit(sha).subject for sha in touched(opened(), span, culprit)]
    assert subjects == ["Same function"]
