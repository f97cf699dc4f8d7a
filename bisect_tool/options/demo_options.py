"""The options of `demo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from bisect_tool.options.shared_options import AsJson, Cells, Confirm

FLAKY_CELL = "test_external_lb_teardown[4]"
"""The cell that fails intermittently because of the culprit of the second history."""

GPU_CELLS = "test_external_lb_server_info*"
"""Cells of the fourth history: one with one API server, one with four; these two share a device."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The options of `demo`."""

    flaky: Annotated[
        bool,
        typer.Option(
            "--flaky", help=f"Use a history whose culprit makes {FLAKY_CELL} fail in one run out of three."
        ),
    ] = False
    order: Annotated[
        bool,
        typer.Option(
            "--order", help="Use a history whose culprit makes cells fail only after others have run."
        ),
    ] = False
    gpu: Annotated[
        bool,
        typer.Option(
            "--gpu",
            help="Use a history whose culprit leaves GPU memory allocated; without a GPU, one is simulated.",
        ),
    ] = False
    cells: Cells = ()
    confirm: Confirm = None
    as_json: AsJson = False
