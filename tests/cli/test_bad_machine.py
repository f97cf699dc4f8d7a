"""Machines without git, a new Python, a GPU, the packages of the demo, or the current directory."""

from __future__ import annotations

import ast
import builtins
import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import bisect_tool
from bisect_tool.git.plumbing import version

COMMANDS = {
    "run": ("run", "--good", "good", "--bad", "bad", "--repo", "{engine}", "--", "true"),
    "demo": ("demo",),
    "plan": ("plan", "--good", "good", "--bad", "bad", "--repo", "{engine}", "--", "true"),
    "step": ("step", "--rev", "bad", "--repo", "{engine}", "--", "true"),
}


def no_locks(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_git(cli, engine, tmp_path, monkeypatch, command):
    arguments = [argument.format(engine=engine) for argument in COMMANDS[command]]
    monkeypatch.setenv("PATH", str(tmp_path))
    version.cache_clear()
    ended = cli(*arguments)
    assert ended.err == "error: git is not installed\nInstall git 2.32 or newer.\n"
    assert (ended.code, ended.out) == (128 if command == "step" else 5, "")


def test_no_git_at_the_start(engine, tmp_path):
    """In its own process, which has not imported GitPython yet: that looks for git when it is imported."""
    main = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
    argv = [sys.executable, "-c", main, *(argument.format(engine=engine) for argument in COMMANDS["run"])]
    env = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "error: git is not installed\nInstall git 2.32 or newer.\n"
    assert (done.returncode, done.stdout) == (5, "")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "demo"])
def test_filesystem_without_file_locks(cli, engine, monkeypatch, command):
    monkeypatch.setattr(fcntl, "flock", no_locks)
    ended = cli(*(argument.format(engine=engine) for argument in COMMANDS[command]))
    assert (ended.code, ended.out) == (128 if command == "step" else 5, "")
    assert "cannot be locked" in ended.err
    assert "BISECT_RUN_HOME" in ended.err


def test_python_too_old(capsys):
    assert in_python((3, 10, 14)).code == 5
    captured = capsys.readouterr()
    assert captured.err == (
        "error: bisect-run needs Python 3.11 or newer, and this is 3.10.14\n"
        "Make a virtual environment with a newer one, such as: python3.11 -m venv .venv\n"
    )
    assert not captured.out


def test_python_new_enough():
    assert in_python((3, 11, 0)) is None


def in_python(version):
    """Execute the package's `__init__.py` as this Python version would; it must be able to parse it."""
    text = Path(bisect_tool.__file__).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))
    name = f"{'.'.join(map(str, version))} (main)"
    fake = SimpleNamespace(version_info=version, version=name, stderr=sys.stderr, exit=sys.exit)
    names = {**vars(builtins), "__import__": lambda *_: fake}
    try:
        exec(compile(text, "__init__.py", "exec"), {"__builtins__": names})  # noqa: S102 - our own text
    except SystemExit as ended:
        return ended
    return None


def test_gpu_profile_without_a_gpu(cli, engine, monkeypatch):
    monkeypatch.setattr("bisect_tool.options.resolve_profile.gpus.snapshot", tuple)
    ended = cli("--repo", engine, "--good", "good", "--bad", "bad", "--profile", "gpu")
    assert ended.err == (
        "error: profile gpu needs an NVIDIA or AMD GPU, and none was found\nSee `bisect-run doctor`.\n"
    )
    assert (ended.code, ended.out) == (5, "")


def test_demo_without_its_engine(cli, monkeypatch):
    monkeypatch.setattr("bisect_tool.cli.machine_checks._ENGINE", ("sys", "nothing_of_this_name"))
    ended = cli("demo")
    assert ended.err == (
        "error: the demo needs packages that are missing: nothing_of_this_name\n"
        "Install them in a clone of bisect-run: pip install '.[engine]'\n"
    )
    assert (ended.code, ended.out) == (5, "")


def test_removed_current_directory(cli, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ended = cli("status")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == ("error: the current directory no longer exists\ncd to an existing directory.\n")
