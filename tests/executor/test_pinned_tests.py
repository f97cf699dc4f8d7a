"""A pinned test file is written only into the commit's tree."""

from __future__ import annotations

import subprocess

import pytest

from bisect_tool.checks import ProjectCheck, PytestCheck
from bisect_tool.executor.pinned_tests import pin
from bisect_tool.git import Repository, Worktrees

OURS = "precious\n"
CHECKS = {
    "engine": lambda sha: PytestCheck(file="tests/test_a.py", tests_from=sha),
    "project": lambda sha: ProjectCheck(targets=("tests/test_a.py",), tests_from=sha),
}


@pytest.fixture
def project(tmp_path):
    """A repository whose second commit has the test; in the third it is a link out of the tree."""
    folder = tmp_path / "project"

    def git(*words):
        name = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
        done = subprocess.run(("git", "-C", folder, *name, *words), check=True, capture_output=True)
        return done.stdout.decode().strip()

    folder.mkdir()
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "none")
    shas = [git("rev-parse", "HEAD")]
    (folder / "tests").mkdir()
    (folder / "tests/test_a.py").write_text("pinned\n")
    outside = tmp_path / "outside"
    (outside / "tests").mkdir(parents=True)
    (outside / "tests/test_a.py").write_text(OURS)

    def commit():
        git("add", "-A")
        git("commit", "-q", "-m", "next")
        shas.append(git("rev-parse", "HEAD"))

    commit()
    (folder / "tests/test_a.py").unlink()
    (folder / "tests/test_a.py").symlink_to(outside / "tests/test_a.py")
    commit()
    (folder / "tests/test_a.py").unlink()
    (folder / "tests").rmdir()
    (folder / "tests").symlink_to(outside / "tests")
    commit()
    return folder, shas, outside


@pytest.mark.parametrize("kind", CHECKS)
def test_nothing_is_written_through_a_link(project, tmp_path, kind):
    folder, (none, pinned, *linked), outside = project
    repository = Repository.open(str(folder), tmp_path / "cache")
    check = CHECKS[kind](pinned)
    with Worktrees(repository, tmp_path / "trees", ()).slot(0) as worktree:
        for sha in (none, *linked):
            tree = worktree.checkout(sha)
            pin(check, repository, worktree)
            assert (tree / "tests/test_a.py").read_text() == "pinned\n"
            assert not (tree / "tests/test_a.py").is_symlink()
            assert not (tree / "tests").is_symlink()
    assert (outside / "tests/test_a.py").read_text() == OURS


def test_file_outside_the_sparse_checkout_is_pinned(project, tmp_path):
    folder, (none, pinned, *_), _ = project
    repository = Repository.open(str(folder), tmp_path / "cache")
    with Worktrees(repository, tmp_path / "trees", ("src",)).slot(0) as worktree:
        for sha in (none, pinned):
            tree = worktree.checkout(sha)
            pin(CHECKS["engine"](pinned), repository, worktree)
            assert (tree / "tests/test_a.py").read_text() == "pinned\n"
