"""Reject options that are empty, that contradict each other, or that need another one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.options.executor_options import MachineOptions
from bisect_tool.options.run_options import ReproOptions, RunOptions
from bisect_tool.options.validate_executor import validate_executor
from bisect_tool.sanitise import clean_line
from bisect_tool.write_tokens import NAMES

if TYPE_CHECKING:
    from bisect_tool.options.reading_options import ExplainOptions, TriageOptions
    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.options.stored_options import ReportOptions


_NEVER_EMPTY = (
    *("repo", "scenario", "profile", "wheel_url", "pytest", "python"),
    *("tests_from", "compare", "script", "results", "address"),
)


def validate(options: SessionOptions) -> None:
    """Raise UsageError for options that are invalid for any repository."""
    if isinstance(options, RunOptions):
        _check_ends(options)
    if isinstance(options, ReproOptions):
        _check_rev(options)
    if isinstance(options, MachineOptions):
        validate_executor(options)
    _check_not_empty(options)
    _check_combinations(options)
    _check_passed_variables(options)


def _check_ends(options: RunOptions) -> None:
    """Require the newer end: only the older one can be found, by walking back from the newer one."""
    younger = "good" if options.find == "fix" else "bad"
    if not getattr(options, younger):
        raise UsageError(
            f"Missing option '--{younger}'",
            "Name the newer commit. The older one can be left out.",
        )


def _check_rev(options: ReproOptions) -> None:
    """Reject a command in place of the commit: without REV, its first word is taken for one."""
    if not options.command and not options.pytest and Path(options.rev).is_file():
        raise UsageError(
            f"REV is missing: {clean_line(options.rev)} is a file, not a commit",
            "Put the commit before the command: bisect-run repro REV -- ./check.sh",
        )


def _check_not_empty(options: SessionOptions) -> None:
    """Reject empty option values (usually an unset shell variable): they are not the same as no value."""
    for option in _NEVER_EMPTY:
        if getattr(options, option, None) in ("", ("",)):
            name = option.replace("_", "-")
            raise UsageError(
                f"--{name} is empty", "Give it a value or leave it out. Is a shell variable unset?"
            )


def _check_passed_variables(options: SessionOptions) -> None:
    withheld = next((name for name in options.pass_env if name in NAMES), None)
    if withheld is not None:
        raise UsageError(
            f"--pass-env {withheld}: write tokens are never passed to trials",
            "Use a token with read access only.",
        )
    unset = next((name for name in options.pass_env if name not in os.environ), None)
    if unset is not None:
        raise UsageError(
            f"--pass-env {clean_line(unset)}: this variable is not set",
            "Export it, or remove --pass-env.",
        )


def _check_combinations(options: SessionOptions) -> None:
    if options.command and (options.scenario or options.pytest or options.cells or options.profile):
        raise UsageError(
            "a command after -- cannot be combined with --scenario, --profile, --pytest or --cells",
            "Use only one of them.",
        )
    if isinstance(options, RunOptions) and options.same_failure and not options.command:
        raise UsageError(
            "--same-failure needs a command after --: the failures of tests are always compared",
            "Remove it.",
        )
    if isinstance(options, RunOptions) and options.results and options.command:
        raise UsageError(
            "--results needs tests: it cannot be used with a command after --",
            "Run the tests with --pytest, or remove --results.",
        )
    for option in ("tests_from", "pytest_args", "python"):
        if getattr(options, option) is not None and not options.pytest:
            raise UsageError(f"--{option.replace('_', '-')} needs --pytest", "Add --pytest tests/.")


def require_one_format(options: ExplainOptions | ReportOptions | TriageOptions) -> None:
    """Raise UsageError if two output formats are requested."""
    if options.as_json and options.as_markdown:
        raise UsageError("--json and --markdown cannot be used together", "Use only one of them.")


def require_text(*texts: str) -> None:
    """Raise UsageError if an argument is not UTF-8: requests are stored as JSON."""
    invalid = next((text for text in texts if any("\ud800" <= each <= "\udfff" for each in text)), None)
    if invalid is not None:
        raise UsageError(f"an argument is not UTF-8: {clean_line(invalid)}", "Use only UTF-8.")
