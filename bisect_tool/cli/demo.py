"""`bisect-run demo`: bisect one of the reference engine's bundled histories."""

from __future__ import annotations

from dataclasses import dataclass

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options.declared_options import takes
from bisect_tool.options.demo_options import FLAKY_CELL, GPU_CELLS, DemoOptions

_ENDPOINT_RUNS = 16
"""This many runs miss a failure that occurs in one run out of three less than once in 400 times."""

EXAMPLES = (
    "bisect-run demo",
    "bisect-run demo --cells '*[4]' --confirm revert",
)


@dataclass(frozen=True)
class _History:
    """A bundled patch series, the repository that is made from it, and the options to bisect it."""

    series: str
    repository: str
    profile: str = "reference"
    cells: tuple[str, ...] = ()
    endpoint_runs: int = 2
    slots: int = 1
    fresh: bool = False
    on_gpu: bool = False


_DEFAULT = _History("series.toml", "reference-engine.git")
_FLAKY = _History(
    "flaky.toml",
    "reference-engine-flaky.git",
    cells=(FLAKY_CELL,),
    endpoint_runs=_ENDPOINT_RUNS,
    slots=2,
    fresh=True,
)
_ORDER = _History("order.toml", "reference-engine-order.git")
_GPU = _History(
    "gpu.toml", "reference-engine-gpu.git", profile="reference-gpu", cells=(GPU_CELLS,), on_gpu=True
)


@takes(DemoOptions)
def demo(options: DemoOptions) -> int:
    """Bisect a bundled history of the reference engine.

    Needs the `engine` extra. Takes one or two minutes; with --flaky, about three.
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
            f"the demo needs packages that are missing: {', '.join(missing)}",
            f"Install them {INSTALL_ENGINE}",
        )
    repository = home().cache / chosen.repository
    history = replay(scenarios.scenarios_root() / "reference_engine" / chosen.series, repository)
    requested = RunOptions(
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
    return start(requested, "demo")


def _chosen(options: DemoOptions) -> _History:
    requested = {"--flaky": options.flaky, "--order": options.order, "--gpu": options.gpu}
    names = [name for name, given in requested.items() if given]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} cannot be used together", "Use only one of them.")
    return {"--flaky": _FLAKY, "--order": _ORDER, "--gpu": _GPU}[names[0]] if names else _DEFAULT


def _simulated_gpu() -> str | None:
    """Create a simulated GPU and return its name; None if a real one is visible."""
    from bisect_tool.supervise import gpus, simulated_gpu

    return None if gpus.named(gpus.visible()) else simulated_gpu.create()
