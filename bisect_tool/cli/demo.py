"""`bisect-run demo`: the whole tool on the reference engine's bundled history."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from bisect_tool import scenario as scenarios
from bisect_tool.cli.doctor import INSTALL_ENGINE, missing_packages
from bisect_tool.cli.run_session import drive
from bisect_tool.demo.patch_series import replay
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.terminal.output import say

FLAKY_CELL = "test_external_lb_teardown[4]"
_FIRST = ("series.toml", "reference-engine.git")
_SECOND = ("flaky.toml", "reference-engine-flaky.git")
_THIRD = ("order.toml", "reference-engine-order.git")
_ENDPOINT_RUNS = 16
"""What shows in one run of three stays hidden in so many once in four hundred times."""
Flaky = Annotated[
    bool,
    typer.Option("--flaky", help=f"Use a history whose culprit fails {FLAKY_CELL} in one run of three."),
]

Order = Annotated[
    bool, typer.Option("--order", help="Use a history whose culprit fails cells only after others have run.")
]

EXAMPLES = (
    "bisect-run demo",
    "bisect-run demo --cells '*[4]' --confirm revert",
)


def demo(
    flaky: Flaky = False,
    order: Order = False,
    cells: shared_options.Cells = None,
    confirm: shared_options.Confirm = None,
    as_json: shared_options.AsJson = False,
) -> int:
    """Bisect a bundled history of the reference engine.

    Needs the extra `engine`. Takes one or two minutes; longer with --flaky, which runs two trials in
    parallel.
    """
    if flaky and order:
        raise UsageError("--flaky and --order cannot be used together", "Use only one of them.")
    missing = missing_packages()
    if missing:
        raise EnvironmentFailed(
            f"the demo needs packages that are missing: {', '.join(missing)}", INSTALL_ENGINE
        )
    here = home()
    series, bare = _SECOND if flaky else _THIRD if order else _FIRST
    repository = here.cache / bare
    history = replay(scenarios.scenarios_root() / "reference_engine" / series, repository)
    options = RunOptions(
        goods=(history.labels["good"],),
        bad=history.labels["bad"],
        repo=str(repository),
        profile="reference",
        cells=tuple(cells or ()),
        confirm=confirm,
    )
    if flaky:
        options = replace(
            options, cells=options.cells or (FLAKY_CELL,), endpoint_runs=_ENDPOINT_RUNS, slots=2, fresh=True
        )
    store = Store(here.store, say)
    session = sessions.create(resolve(options, here, say, "demo"), store, here)
    return drive(session, store, as_json)
