"""`bisect-run step`: one commit, as a checker for `git bisect run`."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer

from bisect_tool import scenario as scenarios
from bisect_tool.cli import options
from bisect_tool.cli.output import say
from bisect_tool.evidence import classify
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.home import home
from bisect_tool.resolve import Words, resolve_check
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome, Verdict

GOOD, BAD, SKIP, ABORT = 0, 1, 125, 128
