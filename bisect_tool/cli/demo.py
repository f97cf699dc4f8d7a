"""`bisect-run demo`: the whole tool on the reference engine's bundled histories."""

from __future__ import annotations

from dataclasses import dataclass

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options.declared import takes
from bisect_tool.options.demo_options import FLAKY_CELL, GPU_CELLS, DemoOptions

_ENDPOINT_RUNS = 16
"""What shows in one run of three stays hidden in so many once in four hundred times."""

EXAMPLES = (
    "bisect-run demo",
    "bisect-run demo --cells '*[4]' --confirm revert",
)


@dataclass(frozen=True)
class _History:
    """A series, the repository that it becomes, and how that is bisected."""

    series: str
    repository: str
    profile: str = "reference"
    cells: tuple[str, ...] = ()
    endpoint_runs: int = 2
    slots: int = 1
    fresh: bool = False
    on_gpu: bool = False


_FIRST = _History("series.toml", "reference-engine.git")
_SECOND = _History(
    "flaky.toml",
    "reference-engine-flaky.git",
    cells=(FLAKY_CELL,),
    endpoint_runs=_ENDPOINT_RUNS,
    slots=2,
    fresh=True,
)
_THIRD = _History("order.toml", "reference-engine-order.git")
_FOURTH = _History(
    "gpu.toml", "reference-engine-gpu.git", profile="reference-gpu", cells=(GPU_CELLS,), on_gpu=True
)


@takes(DemoOptions)
def demo(options: DemoOptions) -> int:
    """Bisect a bundled history of the reference engine.

    Needs the extra `engine`. Takes one or two minutes; longer with --flaky, which runs two trials in
    parallel.
    """
    chosen = _chosen(options)
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
    repository = home().cache / chosen.repository
    history = replay(scenarios.scenarios_root() / "reference_engine" / chosen.series, repository)
    asked = RunOptions(
        good=(history.labels["good"],),
        bad=history.labels["bad"],
        repo=str(repository),
        profile=chosen.profile,
        cells=options.cells or chosen.cells,
        endpoint_runs=chosen.endpoint_runs,
        slots=chosen.slots,
        fresh=chosen.fresh,
        gpus=_simulated_gpu() if chosen.on_gpu else None,
        share_gpu=chosen.on_gpu,
        confirm=options.confirm,
        as_json=options.as_json,
    )
    return start(asked, "demo")


def _chosen(options: DemoOptions) -> _History:
    asked = {"--flaky": options.flaky, "--order": options.order, "--gpu": options.gpu}
    names = [name for name, given in asked.items() if given]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} cannot be used together", "Use only one of them.")
    return {"--flaky": _SECOND, "--order": _THIRD, "--gpu": _FOURTH}[names[0]] if names else _FIRST


def _simulated_gpu() -> str | None:
    """The name of a simulated GPU; None where a real one is visible."""
    from bisect_tool.supervise import gpus, simulated_gpu

    return None if gpus.named(gpus.visible()) else simulated_gpu.create()
