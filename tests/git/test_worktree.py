"""Worktrees: their content, what a trial may leave in them, and concurrent use."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from real_projects import contents

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.git import CheckoutFailed, Repository, Worktrees
from bisect_tool.git.plumbing import Git


@pytest.fixture
def two(project):
    """Two commits that differ in every way files can."""
    first = project.commit("first", {"a": "1", "dir/b": "1", "gone": "1", ".gitignore": "*.o\nbuilt/\n"})
    (project.path / "gone").unlink()
    (project.path / "dir" / "b").unlink()
    (project.path / "dir").rmdir()
    second = project.commit("second", {"a": "2", "dir": "a file now", "new/c": "2"})
    return first, second


FIRST = {"a": "1", "dir/b": "1", "gone": "1", ".gitignore": "*.o\nbuilt/\n"}
SECOND = {"a": "2", "dir": "a file now", "new/c": "2", ".gitignore": "*.o\nbuilt/\n"}


def test_checkout_of_another_commit_and_back(two, worktrees):
    with worktrees().slot(0) as tree:
        assert contents(tree.checkout(two[0])) == FIRST
        assert contents(tree.checkout(two[1])) == SECOND
        assert contents(tree.checkout(two[1])) == SECOND
        assert contents(tree.checkout(two[0])) == FIRST


def test_git_works_in_a_worktree(two, project, worktrees):
    project.git("tag", "v1", two[0])
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[1])

        def ask(*question):
            return subprocess.run(
                ["git", *question], cwd=path, check=True, capture_output=True, text=True
            ).stdout

        assert ask("rev-parse", "HEAD").strip() == two[1]
        assert ask("describe", "--tags", "--long").startswith("v1-1-g")
        assert ask("status", "--porcelain") == ""
        assert ask("rev-parse", "main").strip() == two[1]
        assert (
            path / ".git/HEAD"
        ).read_text() == f"{two[1]}\n"  # as in a checkout that is no linked worktree


def test_worktree_can_be_cloned(two, worktrees):
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[1])
        git_in(path, "clone", "-q", ".", "inner")
        assert (path / "inner/a").read_text() == SECOND["a"]


def test_objects_written_by_a_trial_are_removed(two, worktrees):
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        (path / "new").write_text("written by a trial")
        git_in(path, "add", "new")
        written = git_in(path, "rev-parse", ":new").strip()
        git_in(tree.checkout(two[1]), "cat-file", "-e", two[0])
        with pytest.raises(subprocess.CalledProcessError):
            git_in(path, "cat-file", "-e", written)


def test_worktree_is_reused(two, worktrees):
    with worktrees().slot(0) as tree:
        inode = tree.checkout(two[0]).stat().st_ino
    with worktrees().slot(0) as tree:
        assert tree.checkout(two[1]).stat().st_ino == inode


def git_in(tree, *arguments):
    return subprocess.run(["git", *arguments], cwd=tree, check=True, capture_output=True, text=True).stdout


def commit_in(tree):
    (tree / "a").write_text("theirs")
    git_in(tree, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-aqm", "by the trial")


DIRT = {
    "modified": lambda tree: (tree / "a").write_text("9"),
    "same size": lambda tree: (tree / "gone").write_text("9"),
    "deleted": lambda tree: (tree / "a").unlink(),
    "untracked": lambda tree: (tree / "extra").write_text("9"),
    "ignored file": lambda tree: (tree / "x.o").write_text("9"),
    "ignored folder": lambda tree: (tree / "built").mkdir(),
    "untracked in the way": lambda tree: ((tree / "new").mkdir(), (tree / "new" / "c").mkdir()),
    "nested repository": lambda tree: git_in(tree, "init", "-q", "nested"),
    "staged": lambda tree: ((tree / "a").write_text("9"), git_in(tree, "add", "a")),
    "hidden": lambda tree: (
        git_in(tree, "update-index", "--skip-worktree", "a"),
        (tree / "a").write_text("9"),
    ),
    "assumed": lambda tree: (
        git_in(tree, "update-index", "--assume-unchanged", "a"),
        (tree / "a").write_text("9"),
    ),
    "executable": lambda tree: (tree / "a").chmod(0o755),
    "committed": commit_in,
    "on a branch": lambda tree: git_in(tree, "checkout", "-q", "-b", "trial"),
    "no repository": lambda tree: (tree / ".git").unlink(),
    "a linked worktree": lambda tree: (
        (tree / ".git").unlink(),
        (tree / ".git").write_text(f"gitdir: {tree.with_suffix('.git')}\n"),
    ),
    "a link elsewhere": lambda tree: ((tree / ".git").unlink(), (tree / ".git").symlink_to(tree.parent)),
    "another repository": lambda tree: ((tree / ".git").unlink(), git_in(tree, "init", "-q")),
    "index lost": lambda tree: (git_dir(tree) / "index").unlink(),
    "index broken": lambda tree: (git_dir(tree) / "index").write_bytes(b"no index"),
    "index locked": lambda tree: (git_dir(tree) / "index.lock").write_bytes(b""),
    "head broken": lambda tree: (git_dir(tree) / "HEAD").write_text("nonsense"),
    "head locked": lambda tree: (git_dir(tree) / "HEAD.lock").write_text(""),
    "in a merge": lambda tree: (git_dir(tree) / "MERGE_HEAD").write_text("0" * 40),
    "sparse": lambda tree: git_in(tree, "sparse-checkout", "set", "--no-cone", "/dir/"),
    "read-only folder": lambda tree: (
        (tree / "ro").mkdir(),
        (tree / "ro" / "f").touch(),
        (tree / "ro").chmod(0o500),
    ),
    "fifo": lambda tree: os.mkfifo(tree / "fifo"),
    "fifo in a folder": lambda tree: ((tree / "f").mkdir(), os.mkfifo(tree / "f" / "fifo")),
    "fifo for a file": lambda tree: ((tree / "a").unlink(), os.mkfifo(tree / "a")),
    "tree closed": lambda tree: tree.chmod(0),
    "full": lambda tree: git_in(tree, "sparse-checkout", "disable"),
    "tree gone": lambda tree: subprocess.run(["rm", "-rf", tree], check=True),
    "repository gone": lambda tree: subprocess.run(["rm", "-rf", git_dir(tree)], check=True),
    "repository a link": lambda tree: (
        git_dir(tree).rename(tree.with_suffix(".moved")),
        git_dir(tree).symlink_to(tree.with_suffix(".moved")),
    ),
    "branch moved": lambda tree: git_in(tree, "branch", "-f", "main", "HEAD~0"),
    "replaced": lambda tree: git_in(tree, "replace", "HEAD", "main~0"),
    "another worktree": lambda tree: git_in(tree, "worktree", "add", "-q", "--detach", "inner"),
    "in a rebase": lambda tree: (git_dir(tree) / "rebase-merge").mkdir(),
    "excluded": lambda tree: ((tree / "hid").touch(), (tree / ".gitignore").write_text("*\n")),
}


def git_dir(tree):
    return (tree / ".git").resolve()


@pytest.mark.parametrize("kind", DIRT)
@pytest.mark.parametrize("target", [0, 1], ids=["same commit", "another"])
@pytest.mark.parametrize("resumed", [False, True], ids=["same session", "a later one"])
def test_nothing_a_trial_leaves_is_kept(two, worktrees, kind, target, resumed):
    with ExitStack() as held:
        tree = held.enter_context(worktrees().slot(0))
        DIRT[kind](tree.checkout(two[0]))
        if resumed:
            held.close()
            tree = held.enter_context(worktrees().slot(0))
        check_fresh(tree.checkout(two[target]), two[target], (FIRST, SECOND)[target])


def check_fresh(path, sha, files):
    assert contents(path) == files
    assert not (path / "a").stat().st_mode & 0o100
    assert sorted(each.name for each in path.iterdir()) == sorted(
        {".git", *(name.split("/")[0] for name in files)}
    )
    status = ["git", "status", "--porcelain", "--ignored"]
    assert subprocess.run(status, cwd=path, check=True, capture_output=True).stdout == b""
    git_in(path, "diff", "--exit-code", sha)


def test_unchanged_tree_is_not_cleaned(two, worktrees, monkeypatch):
    """Scanning every folder takes as long as the checkout."""
    asked = []
    run = Git.run

    def noted(git, *arguments, **options):
        asked.append(arguments[0])
        return run(git, *arguments, **options)

    monkeypatch.setattr(Git, "run", noted)
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        tree.checkout(two[1])
        (path / "a").write_text("a trial's")
        check_fresh(tree.checkout(two[0]), two[0], FIRST)
        assert "clean" not in asked
        (path / "more").touch()
        check_fresh(tree.checkout(two[0]), two[0], FIRST)
        assert "clean" in asked


def test_permissions_are_those_of_a_fresh_tree(two, worktrees):
    """Git compares only one bit of them, and leaves an unchanged file alone."""
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        fresh = {each: each.stat().st_mode for each in path.rglob("*")}
        for each in (path / "dir" / "b", path / "gone", path / "dir"):
            each.chmod(0o555)
        path.joinpath("a").chmod(0o600)
        path = tree.checkout(two[0])
        assert {each: each.stat().st_mode for each in path.rglob("*")} == fresh


def test_hard_linked_file_is_replaced(two, worktrees, tmp_path):
    with worktrees().slot(0) as tree:
        (tmp_path / "other").hardlink_to(tree.checkout(two[0]) / "gone")
        path = tree.checkout(two[0])
        (tmp_path / "other").write_text("9")
        assert contents(path) == FIRST


@pytest.mark.parametrize("moved", [False, True], ids=["the same commit of it", "another"])
def test_submodule_folder_is_emptied(project, worktrees, moved):
    project.commit("first", {"a": "1"})
    shas = []
    for number in (1, 2 if moved else 1):
        project.git("update-index", "--add", "--cacheinfo", f"160000,{number:040x},lib/sub")
        project.git("commit", "-q", "--allow-empty", "-m", "submodule")
        shas.append(project.head())
    with worktrees().slot(0) as tree:
        path = tree.checkout(shas[0])
        (path / "lib" / "sub" / "built").mkdir(parents=True)
        (path / "lib" / "sub" / "built" / "left.o").touch()
        path = tree.checkout(shas[1])
        assert list((path / "lib" / "sub").iterdir()) == []
        (path / "lib" / "sub" / "left").touch()
        assert not (tree.checkout(project.git("rev-parse", "main~2").strip()) / "lib").exists()


def test_submodule_folder_is_not_followed_through_a_link(project, worktrees, tmp_path):
    project.commit("first", {"a": "1"})
    project.git("update-index", "--add", "--cacheinfo", f"160000,{1:040x},lib/sub")
    project.git("commit", "-q", "-m", "submodule")
    (tmp_path / "precious" / "sub").mkdir(parents=True)
    (tmp_path / "precious" / "sub" / "mine").touch()
    with worktrees().slot(0) as tree:
        path = tree.checkout(project.head())
        subprocess.run(["rm", "-rf", path / "lib"], check=True)
        (path / "lib").symlink_to(tmp_path / "precious")
        tree.checkout(project.head())
    assert (tmp_path / "precious" / "sub" / "mine").exists()


def test_attributes_set_by_a_trial_are_removed(two, worktrees):
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        info = git_dir(path) / "info"
        (info / "attributes").write_text("* text eol=crlf\n")
        (info / "exclude").write_text("*\n")
        (path / "extra").touch()
        path.joinpath("a").write_text("1\n")
        assert contents(tree.checkout(two[1])) == SECOND
        assert list(info.iterdir()) == []


@pytest.mark.parametrize("place", ["a", "dir", "."], ids=["file", "folder", "whole tree"])
def test_links_out_of_the_tree_are_not_followed(two, worktrees, tmp_path, place):
    precious = tmp_path / "precious"
    precious.mkdir()
    for name in ("a", "b", "gone"):
        (precious / name).write_text("mine")
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        victim = path / place
        subprocess.run(["rm", "-rf", victim.resolve()], check=True)
        path.joinpath(place).resolve().symlink_to(precious / "a" if place == "a" else precious)
    for target, expected in ((0, FIRST), (1, SECOND)):
        with worktrees().slot(0) as tree:
            assert contents(tree.checkout(two[target])) == expected
    assert {path.name: path.read_text() for path in precious.iterdir()} == dict.fromkeys(
        ("a", "b", "gone"), "mine"
    )


def test_sparse_paths_are_literal(project, worktrees):
    odd = {
        "src/a": "1",
        "src[1]/a": "1",
        "*": "star",
        "docs/src/a": "1",
        "setup.py": "1",
        "docs/setup.py": "1",
    }
    sha = project.commit("first", odd)
    with worktrees("src[1]/", "*", "setup.py").slot(0) as tree:
        assert set(contents(tree.checkout(sha))) == {"src[1]/a", "*", "setup.py"}


def test_sparse_paths_select_the_files(project, worktrees):
    sha = project.commit("first", {"src/a": "1", "docs/b": "1"})
    for sparse, names in ((("src",), {"src/a"}), (("docs",), {"docs/b"}), ((), {"src/a", "docs/b"})):
        with worktrees(*sparse).slot(0) as tree:
            assert set(contents(tree.checkout(sha))) == names


def test_absent_files_outside_the_sparse_paths_are_not_needed(project, opened, worktrees):
    """As in stored histories: the objects of docs/ are missing, and on no server."""
    first = project.commit("first", {"src/a": "1", "docs/image": "large 1"})
    second = project.commit("second", {"src/a": "2", "docs/image": "large 2", "docs/other": "large 3"})
    for content in ("large 1", "large 2", "large 3"):
        (project.path / "blob").write_text(content)
        name = project.git("hash-object", "blob").strip()
        (project.path / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with worktrees("src").slot(0) as tree:
        for sha, content in ((first, "1"), (second, "2"), (first, "1")):
            path = tree.checkout(sha)
            assert contents(path) == {"src/a": content}
            (path / "docs").mkdir()
            (path / "docs" / "image").write_text("left by a trial")
    assert opened().changed_paths(second) == ("docs/image", "docs/other", "src/a")
    with pytest.raises(CheckoutFailed, match="unable to read"), worktrees().slot(1) as tree:
        tree.checkout(first)


def test_settings_made_by_a_trial_are_removed(two, worktrees):
    with worktrees().slot(0) as tree:
        path = tree.checkout(two[0])
        git_in(path, "config", "core.autocrlf", "true")
        git_in(path, "config", "--worktree", "user.name", "trial")
        path = tree.checkout(two[1])
        listed = subprocess.run(
            ["git", "config", "--list"], cwd=path, check=True, capture_output=True, text=True
        )
        assert "autocrlf" not in listed.stdout
        assert "user.name=trial" not in listed.stdout


def test_two_slots_at_once(two, worktrees):
    made = worktrees()
    with made.slot(0) as left, made.slot(1) as right:
        assert contents(left.checkout(two[0])) == FIRST
        assert contents(right.checkout(two[1])) == SECOND
        assert contents(left.path) == FIRST


def test_many_slots_made_at_once(two, worktrees):
    def once(number):
        with Worktrees(repository, made.root).slot(number) as tree:
            return [contents(tree.checkout(two[(number + turn) % 2])) for turn in range(3)]

    made = worktrees()
    repository = made.repo
    with ThreadPoolExecutor(6) as pool:
        for number, seen in enumerate(pool.map(once, range(6))):
            assert seen == [(FIRST, SECOND)[(number + turn) % 2] for turn in range(3)]
    assert len(list(made.root.glob("*/slot-?"))) <= 6


def test_two_runs_have_separate_worktrees(two, worktrees):
    with worktrees().slot(0) as one, worktrees().slot(0) as other:
        assert one.path != other.path
        assert contents(one.checkout(two[0])) == FIRST
        assert contents(other.checkout(two[1])) == SECOND
        assert contents(one.path) == FIRST
        first = one.path
    with worktrees().slot(0) as again:
        assert again.path == first


def test_git_writes_of_a_trial_stay_in_its_worktree(two, project, worktrees):
    project.git("tag", "v1", two[0])
    made = worktrees()

    def ask(tree, *question):
        return subprocess.run(["git", *question], cwd=tree, check=True, capture_output=True, text=True).stdout

    with made.slot(0) as left, made.slot(1) as right:
        here, beside = left.checkout(two[1]), right.checkout(two[1])
        git_in(here, "config", "user.name", "trial")
        git_in(here, "tag", "-f", "v1", two[1])
        git_in(here, "branch", "-f", "main", two[0])
        git_in(here, "replace", two[1], two[0])
        for tree in (beside, left.checkout(two[1])):
            assert ask(tree, "rev-parse", "v1", "main").split() == [two[0], two[1]]
            assert "user.name" not in ask(tree, "config", "--local", "--list")
            assert ask(tree, "replace") == ""


def test_removed_commit_fails_the_run_and_not_the_commit(two, worktrees):
    with worktrees().slot(0) as tree:
        with pytest.raises(EnvironmentFailed, match="commit 000000000000 is no longer in"):
            tree.checkout("0" * 40)
        assert contents(tree.checkout(two[0])) == FIRST


def test_full_disk_is_an_environment_error(two, worktrees, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with worktrees().slot(0) as tree:
        monkeypatch.setattr(shutil, "copy2", full)
        with pytest.raises(EnvironmentFailed, match="No space left"):
            tree.checkout(two[0])


def test_files_follow_attributes_that_change_without_them(project, worktrees):
    unix = project.commit("unix", {".gitattributes": "*.sh eol=lf\n", "a.sh": "exit\n"})
    dos = project.commit("dos", {".gitattributes": "*.sh eol=crlf\n"})
    with worktrees().slot(0) as tree:
        for sha, text in ((unix, b"exit\n"), (dos, b"exit\r\n"), (unix, b"exit\n"), (dos, b"exit\r\n")):
            assert (tree.checkout(sha) / "a.sh").read_bytes() == text


def test_paths_with_a_line_break(project, tmp_path):
    odd = tmp_path / "a\nb"
    odd.mkdir()
    sha = project.commit("first", {"a": "1"})
    (tmp_path / "project").rename(odd / '"project"')
    repository = Repository.open(str(odd / '"project"'), odd / "cache")
    with Worktrees(repository, odd / "trees").slot(0) as tree:
        path = tree.checkout(sha)
        assert contents(path) == {"a": "1"}
        git_in(path, "cat-file", "-e", sha)
