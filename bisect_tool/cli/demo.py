"""`bisect-run demo`: the whole tool on the reference engine's bundled history."""

from __future__ import annotations

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options.declared import takes
from bisect_tool.options.demo_options import FLAKY_CELL, DemoOptions

_FIRST = ("series.toml", "reference-engine.git")
_SECOND = ("flaky.toml", "reference-engine-flaky.git")
_THIRD = ("order.toml", "reference-engine-order.git")
_ENDPOINT_RUNS = 16
"""What shows in one run of three stays hidden in so many once in four hundred times."""

EXAMPLES = (
    "bisect-run demo",
    "bisect-run demo --cells '*[4]' --confirm revert",
)


@takes(DemoOptions)
def demo(options: DemoOptions) -> int:
    """Bisect a bundled history of the reference engine.

    Needs the extra `engine`. Takes one or two minutes; longer with --flaky, which runs two trials in
    parallel.
    """
    if options.flaky and options.order:
        raise UsageError("--flaky and --order cannot be used together", "Use only one of them.")
    from bisect_tool import scenario as scenarios
    from bisect_tool.cli.machine_checks import INSTALL_ENGINE, missing_packages
    from bisect_tool.cli.run_session import start
    from bisect_tool.demo.patch_series import replay
    from bisect_tool.options.run_options import RunOptions
    from bisect_tool.paths import home

    missing = missing_packages()
    if missing:
        raise EnvironmentFailed(
            f"the demo needs packages that are missing: {', '.join(missing)}", INSTALL_ENGINE
        )
    series, bare = _SECOND if options.flaky else _THIRD if options.order else _FIRST
    repository = home().cache / bare
    history = replay(scenarios.scenarios_root() / "reference_engine" / series, repository)
    asked = RunOptions(
        good=(history.labels["good"],),
        bad=history.labels["bad"],
        repo=str(repository),
        profile="reference",
        cells=options.cells or ((FLAKY_CELL,) if options.flaky else ()),
        endpoint_runs=_ENDPOINT_RUNS if options.flaky else 2,
        slots=2 if options.flaky else 1,
        fresh=options.flaky,
        confirm=options.confirm,
        as_json=options.as_json,
    )
    return start(asked, "demo")
