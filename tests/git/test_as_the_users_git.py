"""Git answers in a trial as in the user's repository: remotes, submodules, replacements, line ends."""

from __future__ import annotations

import subprocess

import pytest
from real_projects import Project, contents

from bisect_tool.git import Worktrees
from bisect_tool.git.bare_repository import Parts, config
from bisect_tool.git.clone import without_account


@pytest.fixture
def ask(worktrees):
    """The output of a command in a worktree of the tool at a commit."""

    def answer(sha, *command, check=True):
        with worktrees().slot(0) as tree:
            path = tree.checkout(sha)
            env = {"PATH": "/usr/bin:/bin", "HOME": str(path.parent), "GIT_ALLOW_PROTOCOL": "file"}
            done = subprocess.run(command, cwd=path, env=env, check=check, capture_output=True, text=True)
            return done.stdout.strip()

    return answer


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://user:t0ken@example.invalid/a.git", "https://example.invalid/a.git"),
        ("https://t0ken@example.invalid/a.git", "https://example.invalid/a.git"),
        ("ssh://git:secret@example.invalid/a.git", "ssh://git@example.invalid/a.git"),
        ("git@example.invalid:a.git", "git@example.invalid:a.git"),
        ("host:a.git", "host:a.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_origin_is_the_users_without_secrets(project, ask, url, seen):
    sha = project.commit("first")
    project.git("remote", "add", "origin", url)
    assert ask(sha, "git", "remote", "get-url", "origin") == seen


def test_remotes_are_copied_and_relative_ones_resolved(project, ask, tmp_path):
    sha = project.commit("first")
    project.git("remote", "add", "origin", "../hub.git")
    project.git("remote", "add", 'odd"name', "https://example.invalid/x y")
    assert ask(sha, "git", "remote", "get-url", "origin") == str(tmp_path / "hub.git")
    assert ask(sha, "git", "remote", "get-url", 'odd"name') == "https://example.invalid/x y"


def test_changed_url_of_a_remote_is_used(project, ask):
    sha = project.commit("first")
    project.git("remote", "add", "origin", "/srv/one")
    assert ask(sha, "git", "remote", "get-url", "origin") == "/srv/one"
    project.git("remote", "set-url", "origin", "/srv/two")
    assert ask(sha, "git", "remote", "get-url", "origin") == "/srv/two"


@pytest.fixture
def library(tmp_path):
    """A library of two commits for a submodule."""
    made = Project(tmp_path / "library")
    return made, [made.commit("v0", {"v": "0"}), made.commit("v1", {"v": "1"})]


def bump(project, sha, url):
    project.write({".gitmodules": f'[submodule "lib"]\n\tpath = lib\n\turl = {url}\n'})
    project.git("add", ".gitmodules")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{sha},lib")
    project.git("commit", "-q", "-m", "bump")
    return project.head()


UPDATE = ("sh", "-c", "git submodule -q update --init && cat lib/v")


@pytest.mark.parametrize("url", ["../library", None], ids=["relative", "absolute"])
def test_submodules_have_the_users_source(project, library, ask, tmp_path, url):
    other, shas = library
    project.git("remote", "add", "origin", str(project.path))
    project.commit("first")
    bumps = [bump(project, sha, url or str(other.path)) for sha in shas]
    assert [ask(sha, *UPDATE) for sha in (*bumps, bumps[0])] == ["0", "1", "0"]


def test_initialised_submodule_needs_no_origin(project, library, ask):
    other, shas = library
    project.commit("first")
    sha = bump(project, shas[1], "../../nowhere/library")
    project.git("config", "submodule.lib.url", str(other.path))
    assert ask(sha, *UPDATE) == "1"
    assert ask(sha, "sh", "-c", "git submodule -q update && cat lib/v") == "1"


def test_stale_lock_of_a_submodule_does_not_block_the_next_trial(project, library, worktrees, ask):
    other, shas = library
    project.commit("first")
    sha = bump(project, shas[1], str(other.path))
    assert ask(sha, *UPDATE) == "1"
    with worktrees().slot(0) as tree:
        (tree.path.with_suffix(".git") / "modules" / "lib" / "index.lock").touch()
    assert ask(sha, *UPDATE) == "1"


@pytest.fixture
def two_histories(project):
    """Two unrelated histories: the last commit of the old one, and the root of the new one."""
    old = [project.commit("old 1", {"a": "1"}), project.commit("old 2", {"a": "2"})]
    project.git("checkout", "-q", "--orphan", "new")
    new = [project.commit("import"), project.commit("new 2")]
    return old, new


@pytest.mark.parametrize("way", ["replace", "info/grafts"])
def test_joined_histories_are_one(project, opened, ask, two_histories, way):
    old, new = two_histories
    if way == "replace":
        project.git("replace", "--graft", new[0], old[1])
    else:
        project.write({".git/info/grafts": f"{new[0]} {old[1]}\n"})
    span = opened().range([old[0]], new[1])
    assert [commit.sha for commit in span.commits] == [old[1], *new]
    assert span.parents[new[0]] == (old[1],)
    assert ask(new[1], "git", "rev-list", "--count", "HEAD") == "4"
    assert opened().parts.variant


def test_replaced_file_is_checked_out(project, worktrees, two_histories):
    (first, _), _ = two_histories
    blob = project.git("rev-parse", f"{first}:a").strip()
    project.write({"other": "another content"})
    project.git("replace", blob, project.git("hash-object", "-w", "other").strip())
    with worktrees().slot(0) as tree:
        assert contents(tree.checkout(first))["a"] == "another content"


@pytest.mark.parametrize("way", ["setting", "environment"])
def test_disabled_replacements_are_ignored(project, opened, two_histories, monkeypatch, way):
    old, new = two_histories
    project.git("replace", "--graft", new[0], old[1])
    if way == "setting":
        project.git("config", "core.useReplaceRefs", "false")
    else:
        monkeypatch.setenv("GIT_NO_REPLACE_OBJECTS", "1")
    assert opened().commit(new[0]).parents == ()
    assert opened().parts.variant == ""


@pytest.mark.parametrize(
    ("settings", "attributes", "expected"),
    [
        ({}, "", b"1\n2\n"),
        ({"core.autocrlf": "true"}, "", b"1\r\n2\r\n"),
        ({"core.autocrlf": "input"}, "", b"1\n2\n"),
        ({"core.eol": "crlf"}, "* text\n", b"1\r\n2\r\n"),
        ({}, "a text eol=crlf\n", b"1\r\n2\r\n"),
    ],
)
def test_line_ends_are_those_of_the_users_checkout(project, worktrees, settings, attributes, expected):
    first = project.commit("first", {"a": "1\n2\n"})
    second = project.commit("second", {"b": "1\n"})
    for name, value in settings.items():
        project.git("config", name, value)
    if attributes:
        project.write({".git/info/attributes": attributes})
    with worktrees().slot(0) as tree:
        for sha in (first, second, first):
            assert (tree.checkout(sha) / "a").read_bytes() == expected
        assert tree.repo.parts.variant or not (settings or attributes)


def test_each_kind_of_setting_makes_another_variant():
    plain = Parts(refs=b"1 refs/heads/main\n")
    assert plain.variant == ""
    variants = {
        Parts(refs=b"1 refs/replace/2\n").variant,
        Parts(grafts=b"1 2\n").variant,
        Parts(attributes=b"* text\n").variant,
        Parts(settings=(("core.eol", "crlf"),)).variant,
    }
    assert len(variants) == 4


def test_settings_are_rewritten_and_never_read_from_a_trial(project, opened, tmp_path):
    """Whatever files the tool's repository contains, git runs no program of a trial there."""
    mark = tmp_path / "mark"
    sha = project.commit("first")
    repository = opened()
    evil = f'[filter "evil"]\n\tsmudge = touch {mark}; cat\n[core]\n\tfsmonitor = touch {mark}\n'
    for ours in (repository.git_dir, tmp_path / "worktrees" / repository.git_dir.stem / "slot-0.git"):
        ours.mkdir(parents=True, exist_ok=True)
        for name in ("config", "config.kept", "config.worktree"):
            (ours / name).write_text(evil)
    (repository.git_dir / "info" / "attributes").write_text("* filter=evil\n")
    repository.git.run("log", "-1", sha)
    assert (repository.git_dir / "config").read_bytes() == config(repository.parts, ("core.bare", "true"))
    assert not (repository.git_dir / "info" / "attributes").exists()
    with Worktrees(opened(), tmp_path / "worktrees").slot(0) as tree:
        tree.checkout(sha)
        assert b"evil" not in (tree.path.with_suffix(".git") / "config").read_bytes()
    assert not mark.exists()


def test_settings_file_round_trips(tmp_path):
    odd = (('remote.a "b" \\c.url', 'x "y" \\z # ; \t'), ("core.eol", "crlf"))
    file = tmp_path / "config"
    file.write_bytes(config(Parts(settings=odd)))
    for name, value in odd:
        command = ["git", "config", "--file", str(file), "--get", name]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == f"{value}\n"


def test_ssh_login_is_kept():
    assert without_account("ssh://git@host/a") == "ssh://git@host/a"
    assert without_account("ssh://git:pass@host:22/a@b") == "ssh://git@host:22/a@b"
    assert without_account("https://user:p@ss@host/a") == "https://host/a"
