"""`bisect-run nightly`: read last night's results, bisect new failures, and report them."""

from __future__ import annotations

from bisect_tool.options.declared_options import takes_with_given
from bisect_tool.options.nightly_options import NightlyOptions

EXAMPLES = (
    "bisect-run nightly --repo engine --ref origin/main --confirm revert --out report/",
    "bisect-run nightly --results 'runs/*/junit.xml' --dry-run",
)


@takes_with_given(NightlyOptions, "BISECT_RUN_")
def nightly(options: NightlyOptions, given: frozenset[str]) -> int:
    """Bisect the new failures in last night's results.

    Exits with 0 if nothing is new, and with 1 if there is a new regression; see the reference for other
    codes.
    """
    from bisect_tool.cli.run_nights import run_nights

    return run_nights(options, given)
