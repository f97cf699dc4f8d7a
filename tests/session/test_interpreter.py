"""Which Python runs the tests of a project by default."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bisect_tool.options import projects
from bisect_tool.options.run_options import RunOptions
from bisect_tool.scenario import load

OWN = Path(sys.prefix, "bin", "python")


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """The interpreter that is chosen with these variables, and the notices about it."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)

    def choose(checkout=tmp_path, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        notices = []
        options = RunOptions(good=("a",), bad="b", pytest=("tests",))
        return projects._interpreter(options, load("pytest"), checkout, notices.append), " ".join(notices)

    return choose


def test_own_interpreter_first_on_the_path_is_not_used(chosen):
    python, notices = chosen(PATH=f"{OWN.parent}{os.pathsep}/usr/bin")
    assert python is None
    assert f"{OWN} belongs to bisect-run" in notices
    assert "--python PATH" in notices


def test_own_interpreter_in_the_active_environment_is_used(chosen):
    python, notices = chosen(PATH=OWN.parent, VIRTUAL_ENV=sys.prefix)
    assert python == str(OWN)
    assert f"running the tests with {OWN}" in notices


def test_own_interpreter_with_the_project_installed_is_used(chosen, monkeypatch):
    monkeypatch.setattr(projects, "find_installs", lambda *_: ("an install",))
    assert chosen(PATH=OWN.parent)[0] == str(OWN)


def test_another_environment_on_the_path_is_used(chosen, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("")
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {OWN} "$@"\n')
    python.chmod(0o755)
    assert chosen(PATH=python.parent)[0] == str(python)


def test_pytest_of_the_current_folder_is_not_imported(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.py").write_text("open('ran', 'w')")
    assert chosen(PATH=OWN.parent, VIRTUAL_ENV=sys.prefix)[0] == str(OWN)
    assert not (tmp_path / "ran").exists()


def test_interpreter_of_the_current_folder_is_not_found_by_name(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("")
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\ntouch {tmp_path}/ran\nexec {OWN} "$@"\n')
    python.chmod(0o755)
    assert chosen(PATH="bin")[0] is None
    assert not (tmp_path / "ran").exists()
