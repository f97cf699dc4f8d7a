"""The process of a trial: argv, folder, environment, deadlines; and helpers for all kinds of checks."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.trial.user_environment import BYTECODE, withheld

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.scenario import Timeouts
    from bisect_tool.trial.config import TrialConfig, TrialPaths

STREAM_PLUGIN = Path(__file__).parent.parent / "pytest_plugin" / "stream"
_STEERING = ("PYTHONPATH", "PYTHONHOME", BYTECODE, "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Process:
    """One process to run under the guardian; times in seconds."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    deadline_s: float
    idle_s: float | None
    grace_s: float


def timed_process(timeouts: Timeouts, argv: tuple[str, ...], cwd: Path, env: Mapping[str, str]) -> Process:
    """Return a process with the timeouts of a profile."""
    return Process(argv, cwd, env, timeouts.trial, timeouts.idle, timeouts.grace)


def clean_environment(config: TrialConfig, place: TrialPaths) -> dict[str, str]:
    """Return the caller's environment without secrets and variables that affect our Python or pytest."""
    hidden = {*withheld(os.environ, config.passed), *_STEERING}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith("GIT_")
    }
    return {**kept, "TMPDIR": str(place.temporary)}


def built_variables(place: TrialPaths) -> dict[str, str]:
    """Return the variables that the built environment sets."""
    return dict(place.environment.variables) if place.environment else {}


def report_variables(place: TrialPaths, cells: Sequence[str] | None) -> dict[str, str]:
    """Return the variables for the stream plugin: where to report, and which cells to run (None: all)."""
    report = {"BISECT_RUN_REPORT": str(place.stream)}
    return report if cells is None else {**report, "BISECT_RUN_CELLS": json.dumps(list(cells))}
