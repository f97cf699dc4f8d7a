"""Explain why some commands do not have the option `--executor`."""

from __future__ import annotations

from bisect_tool.errors import UsageError

_OPTIONS = frozenset({"--executor", "--pipeline", "--repository", "--workflow", "--job", "--input"})
_PUSH_HINT = "push a candidate as a branch, and run `bisect-run repro BRANCH --branch BRANCH --executor ...`"
_REASONS = {
    "fixes": (
        "CI has no build of a commit with a revert, patch or pick: `fixes` runs on this machine only",
        f"Remove --executor; or {_PUSH_HINT}.",
    ),
    "step": (
        "`git bisect run` chooses the commits of `step`, which runs on this machine only",
        "Remove --executor, or run `bisect-run --executor ... --good REV --bad REV`.",
    ),
    "demo": (
        "CI has no builds of the bundled history: `demo` runs on this machine only",
        "Remove --executor.",
    ),
}


def ci_option_error(command: str, error: Exception) -> UsageError | None:
    """Return the error for a CI option that the command does not have; None for any other error."""
    if getattr(error, "option_name", "") not in _OPTIONS or command not in _REASONS:
        return None
    return UsageError(*_REASONS[command])
