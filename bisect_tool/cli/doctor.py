"""`bisect-run doctor`: check this machine, and say how to fix each problem."""

from __future__ import annotations

from bisect_tool.errors import ExitCode

EXAMPLES = (
    "bisect-run doctor",
    "BISECT_RUN_HOME=/scratch/bisect-run bisect-run doctor",
)


def doctor() -> int:
    """Check this machine and list what is missing.

    Checks Python, git, disk space, stored sessions, load, the demo's packages, uv and GPUs. Exits with 5 if
    something required is missing.
    """
    from bisect_tool.cli.machine_checks import checks, render_checks
    from bisect_tool.terminal.writer import show

    found = tuple(checks())
    show(render_checks(found))
    return ExitCode.ENVIRONMENT if any(check.missing for check in found) else ExitCode.DONE
