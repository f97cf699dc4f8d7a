"""Define the pytest process that runs the tests of any Python project at one commit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build.import_roots import import_roots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.checks import ProjectCheck
    from bisect_tool.trial.config import TrialPaths

_STREAM = Path(__file__).parent.parent / "pytest_plugin" / "stream"
_VENV_MARKS = ("pyvenv.cfg", "conda-meta")


def present(check: ProjectCheck, tree: Path) -> tuple[str, ...]:
    """Return the named files and folders that exist at a commit."""
    return tuple(path for path in check.paths if (tree / path).exists())


def project_argv(check: ProjectCheck, place: TrialPaths) -> tuple[str, ...]:
    """Return the command line of pytest, which runs at the root of the tree."""
    return (
        interpreter(check, place),
        "-m",
        "pytest",
        "-p",
        "bisect_stream",
        "-v",
        *check.args,
        *present(check, place.tree),
    )


def interpreter(check: ProjectCheck, place: TrialPaths) -> str:
    """Return the Python that runs the tests."""
    if check.python is not None:
        return check.python
    assert place.environment is not None
    return str(place.environment.python)


def project_variables(
    check: ProjectCheck,
    place: TrialPaths,
    env: Mapping[str, str],
    patterns: Sequence[str],
    cells: Sequence[str] | None,
) -> dict[str, str]:
    """Return the variables to add to `env`; writes the list of requested cells to a file."""
    asked = place.folder / "project.json"
    within = [target for target in check.targets if "::" in target]
    content = {"tree": str(place.tree), "within": within, "patterns": list(patterns), "cells": cells}
    asked.write_text(json.dumps(content, indent=1), encoding="utf-8")
    path = (str(_STREAM / "commit_packages_first"), str(_STREAM), env.get("PYTHONPATH", ""))
    return {
        **_of_interpreter(interpreter(check, place), env),
        "BISECT_RUN_REPORT": str(place.stream),
        "BISECT_RUN_PROJECT": str(asked),
        "BISECT_RUN_TREE": str(place.tree.resolve()),
        "BISECT_RUN_ROOTS": os.pathsep.join(
            str(root.resolve()) for root in import_roots(place.tree, check.paths)
        ),
        "BISECT_RUN_CHECKOUT": check.checkout or "",
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }


def _of_interpreter(python: str, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that activate a virtual environment, for `python` in subprocesses of tests."""
    folder = Path(python).parent.parent
    if not any((folder / mark).exists() for mark in _VENV_MARKS):
        return {}
    return {
        "VIRTUAL_ENV": str(folder),
        "PATH": os.pathsep.join((str(folder / "bin"), env.get("PATH", os.defpath))),
    }
