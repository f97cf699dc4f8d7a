"""Resolve `--pytest` for any Python project: the tests to run and the interpreter that runs them."""

from __future__ import annotations

import logging
import os
import posixpath
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build import Provider
from bisect_tool.diagnostics import log_command
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git.clone import is_url
from bisect_tool.request import ProjectCheck
from bisect_tool.sanitise import clean_line
from bisect_tool.shadowing.installed import installs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.git import Repository
    from bisect_tool.options.shared_options import CheckOptions
    from bisect_tool.scenario import Scenario

_log = logging.getLogger("bisect_run.options")
SCENARIO = "pytest"
_PYTEST_S = 60.0
_RUN_NOTHING = (
    *(
        "--collect-only",
        "--collectonly",
        "--co",
        "--setup-only",
        "--setuponly",
        "--setup-plan",
        "--setupplan",
    ),
    *("--fixtures", "--funcargs", "--fixtures-per-test", "--markers", "--cache-show"),
    *("--version", "-V", "--help", "-h"),
)
"""Options with which pytest only says what it would run, or something else."""
_VENV_MARKS = ("pyvenv.cfg", "conda-meta")


def check(
    options: CheckOptions,
    scenario: Scenario,
    repository: Repository,
    bad: str,
    notice: Callable[[str], None],
) -> ProjectCheck:
    """The check that runs the tests which `words` name.

    Raises:
        UsageError: there are no such tests, or no such interpreter, or it has no pytest.
        EnvironmentFailed: the interpreter does not answer.
    """
    if not options.pytest:
        raise UsageError(f"scenario {scenario.name} needs --pytest", "Add --pytest tests/.")
    source = repository.resolve(options.tests_from) if options.tests_from else None
    checkout = _checkout(repository)
    return ProjectCheck(
        targets=tuple(_target(word, repository, source or bad, checkout) for word in options.pytest),
        tests_from=source,
        args=_options(options.pytest_args),
        python=_interpreter(options, scenario, checkout, notice),
        checkout=str(checkout) if checkout else None,
    )


def choose_profile(asked: str | None, interpreter: str | None, scenario: Scenario) -> str:
    """The requested profile, else the first that fits the interpreter: given, or built for each commit."""
    given = interpreter is not None
    fitting = [
        name
        for name, profile in scenario.profiles.items()
        if (profile.build.provider is Provider.NONE) == given and asked in (None, name)
    ]
    if not fitting:
        what = f"profile {asked} of scenario {scenario.name}" if asked else f"scenario {scenario.name}"
        how = "builds its own environment" if given else "needs an interpreter"
        hint = "Leave --python out." if given else "Add --python PATH, or activate a virtual environment."
        raise UsageError(f"{what} {how}", hint)
    return fitting[0]


def _options(text: str | None) -> tuple[str, ...]:
    try:
        options = tuple(shlex.split(text or ""))
    except ValueError as error:
        raise UsageError(
            f"--pytest-args is not valid shell syntax: {error}", "Quote it as for a shell."
        ) from None
    if useless := next((option for option in options if option.partition("=")[0] in _RUN_NOTHING), None):
        raise UsageError(f"with {useless}, pytest runs no tests", "Remove it from --pytest-args.")
    return options


def _checkout(repository: Repository) -> Path | None:
    """The top folder of the user's checkout, if it is one."""
    if repository.source is None or is_url(repository.spec):
        return None
    folder = Path(repository.spec).resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _target(word: str, repository: Repository, rev: str, checkout: Path | None) -> str:
    """A target by its path from the top of the repository; it may be relative to the current folder."""
    path, colons, name = word.partition("::")
    candidates = [posixpath.normpath(path)]
    if checkout and (here := Path(os.path.abspath(path))).is_relative_to(checkout):  # noqa: PTH100
        candidates.append(here.relative_to(checkout).as_posix())
    for found in candidates:
        if found == "." and not colons:
            return found
        inside = path and not found.startswith(("/", "..", "-")) and found != "."
        if inside and repository.tree_hashes(rev, (found,)):
            return f"{found}{colons}{name}"
    raise UsageError(
        f"there is no {clean_line(path)} at {rev[:9]}",
        "Use a path from the repository's root, or --tests-from REV for the tests of another commit.",
    )


def _interpreter(
    options: CheckOptions, scenario: Scenario, checkout: Path | None, notice: Callable[[str], None]
) -> str | None:
    """The absolute path of the interpreter to use, links not followed; None where one is to be built."""
    if options.python is not None:
        python = _executable(options.python)
        if not _has_pytest(python):
            raise UsageError(
                f"{clean_line(python)} has no pytest",
                f"{shlex.quote(python)} -m pip install pytest, or leave --python out.",
            )
        return python
    if options.profile and scenario.profile(options.profile).build.provider is not Provider.NONE:
        return None
    found = active(os.environ)
    if (
        found
        and _is_own(found, os.environ)
        and not (checkout and installs(Path(found), checkout, os.environ))
    ):
        notice(
            f"{found} is bisect-run's own and knows nothing of the project, so an environment is built for "
            "the commits (or: --python PATH)"
        )
        return None
    if found and not _has_pytest(found):
        notice(f"{found} has no pytest: building an environment for the commits (or use --python PATH)")
        return None
    if found:
        notice(f"running the tests with {found} (change with --python PATH)")
    return found


def active(environ: Mapping[str, str]) -> str | None:
    """The interpreter of the active virtual environment, if there is one."""
    folders = [environ[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environ.get(name)]
    for folder in folders:
        python = Path(os.path.abspath(folder), "bin", "python")  # noqa: PTH100 - links are not followed
        if os.access(python, os.X_OK):
            return str(python)
    found = shutil.which("python", path=environ.get("PATH"))
    if found is None:
        return None
    python = Path(os.path.abspath(found))  # noqa: PTH100
    return str(python) if any((python.parent.parent / mark).exists() for mark in _VENV_MARKS) else None


def _is_own(python: str, environ: Mapping[str, str]) -> bool:
    """Whether an interpreter is this tool's and merely the first on PATH: it was not activated."""
    prefix = Path(python).parent.parent
    activated = {environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return prefix == Path(sys.prefix) and str(prefix) not in activated


def _executable(word: str) -> str:
    """An interpreter by its name on PATH or by its path."""
    found = shutil.which(word) if "/" not in word else os.path.expanduser(word)  # noqa: PTH111
    path = os.path.abspath(found) if found else ""  # noqa: PTH100 - links are not followed
    if not path or Path(path).is_dir() or not os.access(path, os.X_OK):
        raise UsageError(
            f"--python {clean_line(word)} is not a program", "Use the path of a Python interpreter."
        )
    return path


def _has_pytest(python: str) -> bool:
    argv, began = (python, "-c", "import pytest"), time.monotonic()
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PYTEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(
            f"{clean_line(python)} did not say within {_PYTEST_S:.0f} s whether it has pytest",
            "The machine may be too busy. Try again, or use another --python.",
        ) from None
    except OSError as error:
        _log.warning("whether %s has pytest is not known: %s", python, error)
        return False
    log_command(_log, argv, done.returncode, began)
    return done.returncode == 0
