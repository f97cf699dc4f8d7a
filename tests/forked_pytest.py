"""pytest in a process forked from one that has imported it, which takes most of the time of a short run.

A start by `exec` is tested in tests/trial and tests/session.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.config import default_plugins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIXTURES = "bisect_tool.pytest_plugin.fixtures"
_PLUGINS = (f"_pytest.{name}" for name in default_plugins)
_IMPORTED_LATE = "bisect_tool.pytest_plugin.server_group"
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["pytest", *_PLUGINS, FIXTURES, _IMPORTED_LATE])


def run_pytest(
    words: Sequence[str], folder: Path, env: Mapping[str, str], limit_s: float, *, output: Path | None = None
) -> int:
    """The exit code of `python -B -m pytest` with these words in a folder, negative for a signal.

    What it prints is in the file `output`, if any.

    Raises:
        TimeoutError: It did not end within `limit_s`, and was killed.
    """
    run = _FORKED.Process(target=_be_pytest, args=(words, folder, dict(env), output or os.devnull))
    run.start()
    run.join(limit_s)
    if run.is_alive():
        run.kill()
        run.join()
        raise TimeoutError(f"pytest still runs after {limit_s} s")
    assert run.exitcode is not None
    return run.exitcode


def _be_pytest(words: Sequence[str], folder: Path, env: Mapping[str, str], output: Path | str) -> None:
    """As Python starts: with the modules of the folder, then of PYTHONPATH, and with their sitecustomize."""
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.dont_write_bytecode = True
    named = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [str(folder), *named, *filter(_is_python_s, sys.path)]
    if find_spec("sitecustomize"):
        importlib.import_module("sitecustomize")
    sys.exit(pytest.main(list(words)))


def _is_python_s(place: str) -> bool:
    """Whether a folder belongs to Python or its environment, and not to the tests."""
    return any(Path(place).is_relative_to(prefix) for prefix in (sys.prefix, sys.base_prefix))
