"""Why some commands have no option `--executor`."""

from __future__ import annotations

from bisect_tool.errors import UsageError

_OPTIONS = frozenset({"--executor", "--pipeline", "--repository", "--workflow", "--job", "--input"})
_PUSH_IT = "push a candidate as a branch, and run `bisect-run repro BRANCH --branch BRANCH --executor ...`"
_REASONS = {
    "fixes": (
        "CI has no build of a commit with a revert, patch or pick: `fixes` runs on this machine only",
        f"Remove --executor; or {_PUSH_IT}.",
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


def refusal(command: str, error: Exception) -> UsageError | None:
    """The error for an option of CI that a command does not have; None if that is not what is wrong."""
    if getattr(error, "option_name", "") not in _OPTIONS or command not in _REASONS:
        return None
    return UsageError(*_REASONS[command])
