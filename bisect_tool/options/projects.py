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
from bisect_tool.checks import ProjectCheck
from bisect_tool.diagnostics import log_command
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git.clone import is_url
from bisect_tool.paths import find_program, program_path
from bisect_tool.sanitise import clean_line
from bisect_tool.shadowing.installed_checkouts import find_installs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.git import Repository
    from bisect_tool.options.shared_options import CheckOptions
    from bisect_tool.scenario import Scenario

_log = logging.getLogger("bisect_run.options")
SCENARIO = "pytest"
_PYTEST_S = 60.0
_RUN_NO_TESTS = (
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
"""Options with which pytest prints something instead of running tests."""
_VENV_MARKERS = ("pyvenv.cfg", "conda-meta")


def project_check(
    options: CheckOptions,
    scenario: Scenario,
    repository: Repository,
    bad: str,
    notice: Callable[[str], None],
) -> ProjectCheck:
    """Return the check that runs the tests named by `--pytest`.

    Raises:
        UsageError: the tests or the interpreter do not exist, or the interpreter has no pytest.
        EnvironmentFailed: the interpreter does not respond.
    """
    if not options.pytest:
        raise UsageError(f"scenario {scenario.name} needs --pytest", "Add --pytest tests/.")
    source = repository.resolve(options.tests_from) if options.tests_from else None
    checkout = _checkout(repository)
    return ProjectCheck(
        targets=tuple(_target(each, repository, source or bad, checkout) for each in options.pytest),
        tests_from=source,
        args=_options(options.pytest_args),
        python=_interpreter(options, scenario, checkout, notice),
        checkout=str(checkout) if checkout else None,
    )


def choose_profile(requested: str | None, interpreter: str | None, scenario: Scenario) -> str:
    """The requested profile, else the first that fits: with the given interpreter, or with one per commit."""
    given = interpreter is not None
    fitting = [
        name
        for name, profile in scenario.profiles.items()
        if (profile.build.provider is Provider.NONE) == given and requested in (None, name)
    ]
    if not fitting:
        what = (
            f"profile {requested} of scenario {scenario.name}" if requested else f"scenario {scenario.name}"
        )
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
    if useless := next((option for option in options if option.partition("=")[0] in _RUN_NO_TESTS), None):
        raise UsageError(f"with {useless}, pytest runs no tests", "Remove it from --pytest-args.")
    return options


def _checkout(repository: Repository) -> Path | None:
    """The top folder of the user's checkout; None if the repository is not a checkout."""
    if repository.source is None or is_url(repository.spec):
        return None
    folder = Path(repository.spec).resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _target(target: str, repository: Repository, rev: str, checkout: Path | None) -> str:
    """Make a target relative to the top of the repository; it may be relative to the current folder."""
    path, colons, name = target.partition("::")
    candidates = [posixpath.normpath(path)]
    here = Path(os.path.abspath(path))  # noqa: PTH100
    if checkout and here.is_relative_to(checkout):
        candidates.append(here.relative_to(checkout).as_posix())
    for found in candidates:
        if found == "." and not colons:
            return found
        inside = path and not found.startswith(("/", "..", "-")) and found != "."
        if inside and repository.tree_hashes(rev, (found,)):
            return f"{found}{colons}{name}"
    is_here = len(candidates) > 1 and here.is_file()
    raise UsageError(
        f"{clean_line(path)} does not exist at {rev[:9]}",
        "Your checkout has it: add --tests-from HEAD. Commit it first if it is new."
        if is_here
        else "Use a path from the repository's root, or --tests-from REV for the tests of another commit.",
    )


def _interpreter(
    options: CheckOptions, scenario: Scenario, checkout: Path | None, notice: Callable[[str], None]
) -> str | None:
    """The absolute path of the interpreter, links not resolved; None if one is to be built."""
    if options.python is not None:
        python = _executable(options.python)
        if not _has_pytest(python):
            raise UsageError(
                f"{clean_line(python)} has no pytest",
                f"Run `{shlex.quote(python)} -m pip install pytest`, or leave --python out.",
            )
        return python
    if options.profile and scenario.profile(options.profile).build.provider is not Provider.NONE:
        return None
    found = active_interpreter(os.environ)
    if (
        found
        and _is_own_interpreter(found, os.environ)
        and not (checkout and find_installs(Path(found), checkout, os.environ))
    ):
        notice(
            f"{found} belongs to bisect-run, not to the project: building an environment for the commits "
            "(or use --python PATH)"
        )
        return None
    if found and not _has_pytest(found):
        notice(f"{found} has no pytest: building an environment for the commits (or use --python PATH)")
        return None
    if found:
        notice(f"running the tests with {found} (change with --python PATH)")
    return found


def active_interpreter(environ: Mapping[str, str]) -> str | None:
    """The interpreter of the active virtual environment, if there is one."""
    folders = [environ[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environ.get(name)]
    for folder in folders:
        python = Path(os.path.abspath(folder), "bin", "python")  # noqa: PTH100 - links are not followed
        if os.access(python, os.X_OK):
            return str(python)
    found = shutil.which("python", path=program_path(environ))
    if found is None:
        return None
    python = Path(os.path.abspath(found))  # noqa: PTH100
    return str(python) if any((python.parent.parent / marker).exists() for marker in _VENV_MARKERS) else None


def _is_own_interpreter(python: str, environ: Mapping[str, str]) -> bool:
    """Whether an interpreter is that of bisect-run, found on PATH but not activated by the user."""
    prefix = Path(python).parent.parent
    activated = {environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return prefix == Path(sys.prefix) and str(prefix) not in activated


def _executable(path_or_name: str) -> str:
    """The absolute path of an interpreter, given by its path or by its name on PATH."""
    found = find_program(path_or_name) if "/" not in path_or_name else os.path.expanduser(path_or_name)  # noqa: PTH111
    path = os.path.abspath(found) if found else ""  # noqa: PTH100 - links are not followed
    if not path or Path(path).is_dir() or not os.access(path, os.X_OK):
        raise UsageError(
            f"--python {clean_line(path_or_name)} is not a program", "Use the path of a Python interpreter."
        )
    return path


def _has_pytest(python: str) -> bool:
    argv, started = (python, "-c", "import pytest"), time.monotonic()
    try:
        # Not in the current folder: Python would import `pytest.py` of the repository, with all variables.
        done = subprocess.run(
            argv,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PYTEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(
            f"{clean_line(python)} took longer than {_PYTEST_S:.0f} s to look for pytest",
            "The machine may be too busy. Try again, or use another --python.",
        ) from None
    except OSError as error:
        _log.warning("whether %s has pytest is not known: %s", python, error)
        return False
    log_command(_log, argv, done.returncode, started)
    return done.returncode == 0
