"""`bisect-run step`: test one commit, as the command of `git bisect run`."""

from __future__ import annotations

from bisect_tool.options.declared_options import takes
from bisect_tool.options.run_options import StepOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "git bisect run bisect-run step -- ./check.sh",
    "bisect-run step --rev main --pytest tests/test_api.py",
)


@takes(StepOptions)
def step(options: StepOptions) -> int:
    """Test one commit, as the command of `git bisect run`.

    Exit codes: 0 good, 1 bad, 125 cannot be tested, 128 abort (usage error or interrupt).
    """
    validate(options)
    from bisect_tool.cli.run_session import run_step

    return run_step(options)
