"""A hostile repository: reading and checking it out runs nothing from it."""

from __future__ import annotations

import os
import subprocess

import pytest
from real_projects import Project, contents

from bisect_tool.git.worktree import remove


@pytest.fixture
def trap(tmp_path):
    """A program that leaves a mark when it runs."""
    program, mark = tmp_path / "trap", tmp_path / "mark"
    program.write_text(f"#!/bin/sh\necho ran >> {mark}\ncat\n")
    program.chmod(0o755)
    yield program
    assert not mark.exists()


def check_out_twice(worktrees, first, second):
    with worktrees().slot(0) as tree:
        tree.checkout(first)
        tree.checkout(second)
        return contents(tree.checkout(first))


def test_hooks_do_not_run(project, worktrees, trap):
    first, second = project.commit("first"), project.commit("second")
    hooks = project.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        (hooks / name).symlink_to(trap)
    check_out_twice(worktrees, first, second)


def test_hooks_of_the_users_templates_do_not_run(project, worktrees, trap, tmp_path, monkeypatch):
    first, second = project.commit("first"), project.commit("second")
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    (template / "post-checkout").symlink_to(trap)
    configure(
        tmp_path, monkeypatch, f"[init]\ntemplateDir = {template.parent}\n[core]\nhooksPath = {template}\n"
    )
    check_out_twice(worktrees, first, second)


def test_user_filters_do_not_run_for_a_tree_that_names_them(project, worktrees, trap, tmp_path, monkeypatch):
    files = {".gitattributes": "* filter=lfs diff=x merge=x\n", "a": "1\n"}
    first, second = project.commit("first", files), project.commit("second", {"a": "2\n"})
    lfs = f'[filter "lfs"]\nsmudge = {trap}\nclean = {trap}\nprocess = {trap}\nrequired = true\n'
    others = f'[core]\nfsmonitor = {trap}\npager = {trap}\n[diff "x"]\ncommand = {trap}\ntextconv = {trap}\n'
    configure(tmp_path, monkeypatch, lfs + others)
    assert check_out_twice(worktrees, first, second) == files


def test_submodules_are_not_fetched(project, worktrees, trap):
    other = project.commit("other")
    modules = f'[submodule "m"]\n\tpath = m\n\turl = ext::{trap}\n\tupdate = !{trap}\n'
    project.write({".gitmodules": modules})
    project.git("update-index", "--add", "--cacheinfo", f"160000,{other},m")
    project.git("add", ".gitmodules")
    project.git("commit", "-q", "-m", "with a submodule")
    with worktrees().slot(0) as tree:
        path = tree.checkout(project.head())
        assert (path / ".gitmodules").read_text() == modules
        assert list((path / "m").iterdir()) == []
        tree.checkout(other)


def test_settings_of_the_users_repository_are_not_used(project, opened, worktrees, trap):
    first, second = project.commit("first"), project.commit("second")
    for name in ("core.fsmonitor", "core.pager", "diff.external", "gpg.program", "core.alternateRefsCommand"):
        project.git("config", name, str(trap))
    project.git("config", "log.showSignature", "true")
    project.git("config", "alias.log", f"!{trap}")
    check_out_twice(worktrees, first, second)
    assert opened().changed_paths(second) == ("file.txt",)


def test_replaced_git_directory_of_a_tree_is_not_used(project, worktrees, trap):
    first, second = project.commit("first"), project.commit("second")
    with worktrees().slot(0) as tree:
        path = tree.checkout(first)
        (path / ".git").unlink()
        evil = path / ".git"
        evil.mkdir()
        (evil / "config").write_text(f"[core]\nfsmonitor = {trap}\nhooksPath = {trap.parent}\n")
        (evil / "HEAD").write_text("ref: refs/heads/main\n")
        for folder in ("objects", "refs"):
            (evil / folder).mkdir()
        assert contents(tree.checkout(second)) == {"file.txt": "second\n"}


def test_filter_set_up_by_a_trial_does_not_run(project, worktrees, trap):
    first = project.commit("first", {".gitattributes": "* filter=evil\n", "a": "1\n"})
    second = project.commit("second", {"a": "2\n"})
    with worktrees().slot(0) as tree:
        path = tree.checkout(first)
        for setting in (
            ["filter.evil.smudge", trap],
            ["core.fsmonitor", trap],
            ["core.hooksPath", trap.parent],
        ):
            subprocess.run(["git", "config", *setting], cwd=path, check=True)
        assert contents(tree.checkout(second))["a"] == "2\n"


@pytest.mark.parametrize(
    "place", ["", "info", "objects", "objects/info", "refs", "config", "HEAD", "packed-refs", "trees"]
)
def test_links_made_by_a_trial_are_not_written_through(project, worktrees, opened, tmp_path, place):
    first, second = project.commit("first"), project.commit("second")
    victim = Project(tmp_path / "victim")
    victim.commit("theirs")
    before = files_below(victim.path)
    with worktrees().slot(0) as tree:
        path = tree.checkout(first)
        planted = path.parent if place == "trees" else opened().git_dir / place
        target = victim.path / ".git" / place if place != "trees" else victim.path
        remove(planted)
        planted.symlink_to(target)
        assert contents(tree.checkout(second)) == {"file.txt": "second\n"}
    assert opened().commit(second).subject == "second"
    assert files_below(victim.path) == before


@pytest.mark.parametrize("place", ["", "objects", "refs", "HEAD"])
def test_repository_removed_by_a_trial_is_made_again(project, worktrees, opened, place):
    first, second = project.commit("first"), project.commit("second")
    with worktrees().slot(0) as tree:
        tree.checkout(first)
        remove(opened().git_dir / place)
        assert contents(tree.checkout(second)) == {"file.txt": "second\n"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("suffix", ["", ".git", ".index", ".sparse"])
def test_pipe_in_place_of_a_slot_file_does_not_block(project, worktrees, suffix):
    first, second = project.commit("first"), project.commit("second")
    with worktrees().slot(0) as tree:
        path = tree.checkout(first)
        planted = path.with_name(f"{path.name}{suffix}")
        remove(planted)
        os.mkfifo(planted)
        assert contents(tree.checkout(second)) == {"file.txt": "second\n"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", ["", "info", "objects", "config", "HEAD", "packed-refs"])
def test_pipe_in_the_tools_repository_does_not_block(project, opened, place):
    sha = project.commit("first")
    planted = opened().git_dir / place
    remove(planted)
    os.mkfifo(planted)
    assert opened().commit(sha).subject == "first"


def files_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def configure(tmp_path, monkeypatch, text):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(text)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
