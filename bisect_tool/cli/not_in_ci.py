"""Explain why some commands do not have `--executor`, or not the options of CI."""

from __future__ import annotations

from bisect_tool.errors import UsageError
from bisect_tool.executor_names import NO_FIXES_IN_CI

_OPTIONS = frozenset({"--executor", "--pipeline", "--repository", "--workflow", "--job", "--input"})
_REASONS = {
    "fixes": NO_FIXES_IN_CI,
    "step": (
        "`git bisect run` chooses the commits of `step`, which runs on this machine only",
        "Remove --executor, or run `bisect-run --executor ... --good REV --bad REV`.",
    ),
    "demo": (
        "`demo` runs on this machine only",
        "Remove --executor.",
    ),
}


def ci_option_error(command: str, error: Exception) -> UsageError | None:
    """Return the error for an executor's option that the command does not have; None for any other error."""
    if getattr(error, "option_name", "") not in _OPTIONS or command not in _REASONS:
        return None
    return UsageError(*_REASONS[command])
