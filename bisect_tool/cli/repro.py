"""`bisect-run repro`: measure how often one commit fails, and how."""

from __future__ import annotations

from bisect_tool.options.declared_options import takes
from bisect_tool.options.run_options import ReproOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "bisect-run repro main --runs 50",
    "bisect-run repro main --compare v0.8.0 -- ./check.sh",
)


@takes(ReproOptions)
def repro(options: ReproOptions) -> int:
    """Run one commit many times to measure how often it fails.

    Exits with 0 if all runs passed, and with 1 if any failed; see the reference for other codes.
    """
    validate(options)
    from bisect_tool.cli.run_session import start

    return start(options)
