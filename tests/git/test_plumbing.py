"""How git is started: by GitPython, with the tool's environment, only in the named folder."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bisect_tool.git.plumbing import Git, GitFailed

SHOW = ("-c", "alias.show-environment=!env", "show-environment")


def environment(git):
    return dict(line.split("=", 1) for line in git.lines(*SHOW) if "=" in line)


def test_missing_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GitFailed, match="there is no directory"):
        Git(tmp_path / "gone").run("init")
    assert not (tmp_path / ".git").exists()


def test_variables_in_the_name_of_a_folder_are_not_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("ELSEWHERE", "elsewhere")
    for name in ("$ELSEWHERE", "elsewhere"):
        (tmp_path / name).mkdir()
    Git(tmp_path / "$ELSEWHERE").run("init", "--quiet")
    assert (tmp_path / "$ELSEWHERE" / ".git").is_dir()
    assert not (tmp_path / "elsewhere" / ".git").exists()


def test_git_gets_the_users_variables_except_those_for_git(tmp_path, monkeypatch):
    theirs = {"GIT_CEILING_DIRECTORIES": "/", "GIT_SSH_COMMAND": "theirs", "GIT_AUTHOR_NAME": "theirs"}
    for name, value in {**theirs, "COLOUR": "red"}.items():
        monkeypatch.setenv(name, value)
    found = environment(Git(tmp_path))
    assert found["COLOUR"] == "red"
    assert not theirs.keys() & found.keys()
    assert environment(Git(tmp_path, personal=True))["GIT_SSH_COMMAND"] == "theirs"


def test_variables_of_a_call_take_precedence(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "theirs")
    git = Git(tmp_path, environment=(("GIT_AUTHOR_NAME", "ours"), ("LC_ALL", "C")))
    found = environment(git)
    assert (found["GIT_AUTHOR_NAME"], found["LC_ALL"]) == ("ours", "C")


@pytest.mark.parametrize("path", [".:{}", ":{}", "bin:{}", "{}:"])
def test_git_of_the_current_folder_is_not_run(tmp_path, path):
    """In its own process, which has not imported GitPython yet: that runs git when it is imported."""
    for git in (tmp_path / "git", tmp_path / "bin" / "git", tmp_path / "env"):
        git.parent.mkdir(exist_ok=True)
        git.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        git.chmod(0o755)
    program = "from bisect_tool.git.plumbing import Git; print(Git().text('version'))"
    variables = {**os.environ, "PATH": path.format(os.environ["PATH"]), "GIT_DIR": "elsewhere"}
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("git version")
    assert not (tmp_path / "ran").exists()


def test_gitpython_is_imported_late_and_ignores_its_settings():
    """Run in its own process, because a process imports it once."""
    program = """if True:
        import os, sys
        from bisect_tool.git.plumbing import Git
        assert "git" not in sys.modules
        assert Git().text("version").startswith("git version")
        assert "git" in sys.modules
        assert "GIT_PYTHON_REFRESH" not in os.environ
    """
    settings = {"GIT_PYTHON_GIT_EXECUTABLE": "/nowhere/git"}
    variables = {name: value for name, value in os.environ.items() if name != "GIT_PYTHON_REFRESH"}
    subprocess.run([sys.executable, "-c", program], env=variables | settings, check=True)
