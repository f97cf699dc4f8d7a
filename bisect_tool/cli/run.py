"""`bisect-run run`: find the first bad commit of every failing cell."""

from __future__ import annotations

from bisect_tool.options.declared_options import takes
from bisect_tool.options.run_options import RunOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "bisect-run run --good v0.8.0 --bad main",
    "bisect-run run --good v2.1 --bad HEAD -- ./check.sh",
)


@takes(RunOptions)
def run(options: RunOptions) -> int:
    """Find the first bad commit of every failing test (the default)."""
    validate(options)
    from bisect_tool.cli.run_session import start

    return start(options)
