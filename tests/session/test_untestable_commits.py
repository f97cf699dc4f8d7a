"""Commits that cannot be checked out, and commits without parents."""

from __future__ import annotations

import json

import pytest


def bisect(project, good, bad, *options):
    project.write_check()
    return project.run("--good", good, "--bad", bad, "--json", *options, "--", "./check.sh")


def lose(project, name):
    """Remove an object from the checkout's store, as a bad disk does."""
    sha = project.git("rev-parse", name)
    (project.path / ".git" / "objects" / sha[:2] / sha[2:]).unlink()
    return sha


def lost_file(project):
    """Two commits with a file whose content is lost; the next one removes it."""
    shas = [project.commit(0, files={"lost": "unique\n"}), project.commit(0)]
    lose(project, f"{shas[0]}:lost")
    project.git("rm", "-q", "--cached", "lost")
    return shas


def lost_folder(project):
    (project.path / "inner").mkdir()
    sha = project.commit(0, files={"inner/file": "unique\n"})
    lose(project, f"{sha}:inner")
    return [sha]


def made_by_hand(project, entry):
    """A commit whose tree has an entry that git would not write itself, as `mktree` takes it."""
    blob = project.git("hash-object", "-w", "code")
    tree = project.git("mktree", stdin=f"100644 blob {blob}\tcode\n{entry.format(blob=blob)}\n")
    sha = project.git("commit-tree", tree, "-p", "HEAD", "-m", "odd")
    project.git("reset", "-q", "--soft", sha)
    return [sha]


def path_of_git(project):
    blob = project.git("hash-object", "-w", "code")
    config = project.git("mktree", stdin=f"100644 blob {blob}\tconfig\n")
    return made_by_hand(project, f"040000 tree {config}\t.git")


def too_long_a_name(project):
    return made_by_hand(project, f"100644 blob {{blob}}\t{'x' * 300}")


@pytest.mark.parametrize(
    ("untestable", "message"),
    [
        (lost_file, "unable to read"),
        (lost_folder, "unable to read tree"),
        (path_of_git, "invalid path '.git/config'"),
        (too_long_a_name, "File name too long"),
    ],
)
def test_commit_that_cannot_be_checked_out_is_skipped_with_gits_message(project, untestable, message):
    project.commit(0)
    (odd, *_) = untestable(project)
    project.write_check()
    ended = project.run("step", "--rev", odd, "--", "./check.sh")
    assert ended.code == 125, ended.stderr
    (trial,) = json.loads(project.run("report", "--json").stdout)["trials"]
    assert trial["outcome"] == "unbuildable"
    assert trial["reason"].startswith("cannot be checked out: ")
    assert message in trial["reason"]


def test_search_continues_past_commits_that_cannot_be_checked_out(project):
    good = project.commits(0, 0)[0]
    odd = lost_file(project)
    project.commit(0)
    culprit, bad = project.commits(1, 1)
    ended = bisect(project, good, bad)
    assert ended.code == 0, ended.stderr
    cell = ended.document.cells["command"]
    assert cell.culprit is not None
    assert cell.culprit.sha == culprit
    assert {skip.sha for skip in cell.skipped} & set(odd)


def test_neighbour_that_cannot_be_checked_out_leaves_candidates(project):
    good = project.commit(0)
    odd = lost_file(project)
    project.commit(1)
    bad = project.commit(1)
    ended = bisect(project, good, bad)
    assert ended.code == 3, ended.stderr
    cell = ended.document.cells["command"]
    assert cell.finding == "candidates"
    assert set(odd) < set(cell.candidates)
    assert {skip.sha for skip in cell.skipped} == set(odd)


def test_bad_end_that_cannot_be_checked_out_is_reported(project):
    good = project.commits(0, 0)[0]
    (_, bad) = lost_file(project)
    ended = bisect(project, good, bad)
    assert ended.code == 4
    assert "no result at the bad commit: cannot be checked out: " in ended.document.conclusion


@pytest.fixture
def joined(project):
    """A history to which another one was joined, whose root is bad: good, culprit, bad."""
    good = project.commits(0, 0)[-1]
    project.git("checkout", "-q", "--orphan", "other")
    project.git("rm", "-rqf", ".")
    culprit = project.commit_files("another root", bug="1\n")
    project.commit_files("and its child", other="1\n")
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--allow-unrelated-histories", "--no-edit", "other")
    return good, culprit, project.commit(0)


def test_root_commit_can_be_the_culprit(project, joined):
    good, culprit, bad = joined
    ended = project.run(
        "--good", good, "--bad", bad, "--json", "--confirm", "revert", "--", "sh", "-c", "test ! -e bug"
    )
    assert ended.code == 0, ended.stderr
    cell = ended.document.cells["command"]
    assert cell.culprit is not None
    assert (cell.culprit.sha, cell.last_good) == (culprit, None)
    assert ended.document.confirmation is not None
    for args in (("report",), ("report", "--markdown"), ("report", "--json"), ("resume",)):
        again = project.run(*args)
        assert again.code == 0, (args, again.stderr)
        assert culprit[:9] in again.stdout
    assert "a root commit, which has no parent" in project.run("report").stdout
    assert "a root commit, which has no parent" in project.run("report", "--markdown").stdout
    assert json.loads(project.run("report", "--json").stdout)["exit_code"] == 0


def test_plan_and_fixes_take_a_range_with_a_second_root(project, joined):
    good, culprit, bad = joined
    planned = project.run("plan", "--good", good, "--bad", bad, "--", "sh", "-c", "test ! -e bug")
    assert planned.code == 0, planned.stderr
    fixed = project.run(
        "fixes", "--at", bad, "--revert", culprit, "--json", "--", "sh", "-c", "test ! -e bug"
    )
    assert fixed.code == 0, fixed.stderr
