"""List the cells of a scenario's suite by collecting it; nothing is launched."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.diagnostics import log_command
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.trial.cell_outcomes import available, unreadable
from bisect_tool.trial.suite_check import suite_argv, suite_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.scenario import Scenario

_log = logging.getLogger("bisect_run.trial")
_DEADLINE_S = 120


def collect_cells(scenario: Scenario) -> tuple[str, ...]:
    """Return all cell ids, in the suite's order; raises UsageError if the suite cannot be collected."""
    with tempfile.TemporaryDirectory(prefix="bisect-run-") as folder:
        stream = Path(folder) / "stream.jsonl"
        argv, began = (*suite_argv(scenario), "--collect-only"), time.monotonic()
        env = {**os.environ, "BISECT_RUN_REPORT": str(stream), "PYTHONPATH": suite_path()}
        try:
            done = subprocess.run(
                argv,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailed(
                f"collecting {scenario.suite} took over {_DEADLINE_S} s",
                "Try again on an idle machine, or check what the suite does when it is imported.",
            ) from error
        log_command(_log, argv, done.returncode, began)
        cells, reason = available(stream), unreadable(stream)
    if not cells:
        why = reason or _last_line(done.stdout + done.stderr)
        hint = f"Fix the suite; `bisect-run scenarios check {scenario.folder}` reads it again."
        raise UsageError(f"{scenario.suite_path} has no cells: {why}", hint)
    return cells


def _last_line(output: str) -> str:
    """Return the last line of pytest's output, without the duration."""
    lines = output.split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "no output from pytest")
    return re.sub(r" in [0-9.]+s$", "", clean_line(last))


def matching(cells: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the cells that match a pattern; only `*` and `?` are wildcards, since ids contain brackets.

    Raises:
        UsageError: a pattern matches nothing.
    """
    for pattern in patterns:
        if not any(_matches(cell, pattern) for cell in cells):
            raise UsageError(f"no cell matches {pattern!r}", f"Cells: {', '.join(cells)}.")
    return tuple(cell for cell in cells if any(_matches(cell, pattern) for pattern in patterns))


def _matches(cell: str, pattern: str) -> bool:
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, cell) is not None
