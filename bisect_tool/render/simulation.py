"""Render the summary of `simulate`: accuracy, costs beside the bound, and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.format import duration

if TYPE_CHECKING:
    from bisect_tool.simulate.simulate import Spread, Summary


def render_simulation(summary: Summary, searches: int, seconds: float) -> RenderableType:
    """Render accuracy, costs beside the bound, and calibration."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(Text("Correct", "bold"), f"{summary.accuracy:.1%} of {searches} searches")
    grid.add_row(Text("Wrong", "bold"), f"{summary.wrong_rate:.1%} named another commit")
    needed = f"{summary.bound:.1f} trials at the capacity of the channel, {summary.reached:.0%} of the mean"
    grid.add_row(Text("Bound", "bold"), needed)
    parts = (grid, Text(), _costs(summary), Text(), _calibration(summary))
    return Group(*parts, Text(f"\nsimulated in {duration(seconds)}", "dim"))


def _costs(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("")
    for name in ("mean", "p50", "p95"):
        table.add_column(name, justify="right")
    rows: tuple[tuple[str, Spread], ...] = (
        ("trials", summary.trials),
        ("narrowing trials", summary.midpoint_trials),
        ("rounds", summary.rounds),
    )
    for name, spread in rows:
        table.add_row(name, f"{spread.mean:.2f}", f"{spread.p50:.0f}", f"{spread.p95:.0f}")
    return table


def _calibration(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("confidence", "searches", "claimed", "correct"):
        table.add_column(name, justify="right")
    for each in summary.calibration:
        if each.count:
            span = f"{each.low:.1f}-{each.high:.1f}"
            table.add_row(span, str(each.count), f"{each.claimed:.3f}", f"{each.right:.3f}")
    return table
