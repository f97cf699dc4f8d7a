"""The tests of a tree, run as a trial runs them, without git and guardian."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from forked_pytest import run_pytest

from bisect_tool.checks import ProjectCheck
from bisect_tool.trial.cell_outcomes import SuiteExit, collect_project
from bisect_tool.trial.config import TrialPaths
from bisect_tool.trial.project_pytest import project_argv, project_variables


class Tree:
    """A folder with files."""

    def __init__(self, root):
        self.root = root
        self._log = root / "pytest.log"

    def write(self, files):
        for name, text in files.items():
            path = self.root / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *targets, args=(), patterns=(), cells=None, python=None, checkout=None, env=None):
        """The result of each cell. With `python`, that interpreter is started; else pytest is forked."""
        check = ProjectCheck(
            targets=targets or ("tests",), args=args, python=python or sys.executable, checkout=checkout
        )
        place = TrialPaths(self.root, self.root / "tree", self.root, None)
        place.stream.unlink(missing_ok=True)
        # Without it, a file rewritten within the same second could run from its old bytecode.
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        variables |= project_variables(check, place, variables, patterns, cells)
        code = (_run if python else _fork)(project_argv(check, place), place.tree, variables, self._log)
        found = collect_project(place.stream, SuiteExit("exited", 0.0, code), cells)
        return {result.cell: result for result in found}

    @property
    def output(self):
        """The output of pytest."""
        return self._log.read_text(errors="replace")

    def outcomes(self, *targets, **asked):
        return {cell: str(result.outcome) for cell, result in self.run(*targets, **asked).items()}


def _run(argv, folder, env, log):
    with log.open("wb") as output:
        return subprocess.run(
            argv, cwd=folder, env=env, stdout=output, stderr=output, timeout=60, check=False
        ).returncode


def _fork(argv, folder, env, log):
    _python, _m, _pytest, *words = argv
    return run_pytest(words, folder, env, 60, output=log)


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path)


@pytest.fixture
def editable(tmp_path):
    """An interpreter in which the module `thing` of a checkout is installed as editable."""

    def make(way, checkout, place):
        venv = tmp_path / "venv"
        packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(sys.executable)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = venv / "lib" / version / "site-packages"
        site.mkdir(parents=True)
        (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
        (site / "others.pth").write_text(f"{packages}\n")
        if way == "path":
            (site / "thing.pth").write_text(f"{(checkout / place).parent}\n")
        else:
            where = "insert(0, Finder)" if way == "finder before Python's" else "append(Finder)"
            (site / "thing.pth").write_text("import __editable___thing_finder\n")
            (site / "__editable___thing_finder.py").write_text(
                "import sys\n"
                "from importlib.util import spec_from_file_location\n"
                f"MAPPING = {{'thing': {str(checkout / place)!r}}}\n"
                "class Finder:\n"
                "    @classmethod\n"
                "    def find_spec(cls, name, path=None, target=None):\n"
                "        return spec_from_file_location(name, MAPPING[name]) if name in MAPPING else None\n"
                f"sys.meta_path.{where}\n"
            )
        return str(venv / "bin" / "python")

    return make
