"""The environment of a check: variables, folders, hooks, tests in other repositories."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_CODE = ("sh", "-c", "exit $(cat code)")
_NEEDS_KEY = '[ -n "$LICENSE_KEY" ] || { echo "no license" >&2; exit 1; }; exit $(cat code)'
_TEST = "def test_code():\n    assert open('code').read().strip() == '0'\n"


def variables(project: Projects) -> Questions:
    """PYTHONPATH, and a variable that is withheld because it looks like a secret."""
    made = project()
    good, _, culprit, bad = made.series(0, 0, 1, 1)
    made.script("def code(): return int(open('code').read())\n", "helper_module.py")
    path = {"PYTHONPATH": str(made.path.parent)}
    check = ("python3", "-c", "import helper_module, sys; sys.exit(helper_module.code())")
    yield Question("PYTHONPATH", made, search(good, bad, *check), Expected((0,), culprit), path)
    key = {"LICENSE_KEY": "abcdef123"}
    named = Expected((4,), matches=("LICENSE_KEY",))
    yield Question("withheld", made, search(good, bad, "sh", "-c", _NEEDS_KEY), named, key)


def hooks(project: Projects) -> Questions:
    """GIT_DIR and similar variables, as exported by a hook."""
    made, decoy = project(), project()
    good, _, culprit, bad = made.series(0, 0, 1, 1)
    git = str(made.path / ".git")
    own = {"GIT_DIR": git, "GIT_WORK_TREE": str(made.path), "GIT_INDEX_FILE": f"{git}/index"}
    found = Expected((0,), culprit)
    adds = ("sh", "-c", "git add --all; exit $(cat code)")
    yield Question("of this repository", made, search(good, bad, *adds), found, own)
    other = {"GIT_DIR": str(decoy.path / ".git")}
    options = ("--repo", str(made.path), "--fresh")
    yield Question("of another", made, search(good, bad, *_CODE, options=options), found, other)


def folders(project: Projects) -> Questions:
    """From a subfolder, with a check of that folder; from a linked worktree."""
    made = project()
    good = made.commit(0, files={"package/deep/own.sh": "#!/bin/sh\nexit 0\n"})
    made.commit(0)
    culprit = made.commit(1, files={"package/deep/own.sh": "#!/bin/sh\nexit 1\n"})
    bad = made.commit(1)
    found = Expected((0,), culprit)
    yield Question("subfolder", made, search(good, bad, *_CODE), found, within="package/deep")
    own_check = search(good, bad, "./own.sh")
    yield Question("tracked check of it", made, own_check, found, within="package/deep")
    made.git("worktree", "add", "--quiet", "linked", bad)
    yield Question("linked worktree", made, search(good, "HEAD", *_CODE), found, within="linked")


def pytest_elsewhere(project: Projects) -> Questions:
    """A test file in a repository without a scenario."""
    made = project()
    good = made.commit(0, files={"test_code.py": _TEST})
    _, culprit, bad = made.series(0, 1, 1)
    options = ("--pytest", "test_code.py", "--python", sys.executable)
    asked = ("--good", good, "--bad", bad, *options)
    yield Question("--pytest", made, asked, Expected((0,), culprit))
    neither = ("--good", good, "--bad", bad)
    yield Question("no check", made, neither, Expected((2,), matches=("--pytest", "-- ")))


CASES = (
    Case("variables", "PYTHONPATH=src, license servers", variables),
    Case("hooks", "lefthook#1265, pre-commit#321", hooks),
    Case("folders", "monorepos, linked worktrees", folders),
    Case("pytest-elsewhere", "any Python project", pytest_elsewhere),
)
