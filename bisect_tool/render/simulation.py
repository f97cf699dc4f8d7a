"""Render `simulate`: accuracy, cost and calibration; or a table of accuracy and cost by slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.format import count, duration, hours
from bisect_tool.render.cost_text import cost_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.expected_cost import Interval, PastTrial
    from bisect_tool.simulate.simulate import Spread, Summary


def render_slots(
    by_slots: Mapping[int, Summary], trial: PastTrial, searches: int, seconds: float
) -> RenderableType:
    """Render accuracy and cost for each number of slots."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("slots", "correct", "trials", "wall time", "p10-p90", *_hours_columns(trial)):
        table.add_column(name, justify="right")
    for slots, summary in by_slots.items():
        wall = summary.cost.wall_seconds
        table.add_row(
            str(slots),
            _share(summary.accuracy),
            f"{summary.trials.mean:.1f}",
            duration(wall.mean),
            f"{duration(wall.low)} to {duration(wall.high)}",
            *_hours_cells(_held(summary, trial)),
        )
    summary_line = f"{searches} {'search' if searches == 1 else 'searches'} each, {_trial(trial)}"
    return Group(Text(summary_line), Text(), table, Text(f"\nsimulated in {duration(seconds)}", "dim"))


def _trial(trial: PastTrial) -> str:
    """`trials of 10 min 00 s on 2 GPUs`."""
    gpus = f" on {count(trial.gpus, 'GPU')}" if trial.gpus else ""
    return f"trials of {duration(trial.test_s)}{gpus}"


def _share(value: float) -> str:
    """`97.4%`."""
    return f"{value * 100:.1f}%"


def _held(summary: Summary, trial: PastTrial) -> Interval:
    return summary.cost.gpu_seconds if trial.gpus else summary.cost.trial_seconds


def _hours_columns(trial: PastTrial) -> tuple[str, str]:
    return ("GPU-hours" if trial.gpus else "trial-hours", "p10-p90")


def _hours_cells(held: Interval) -> tuple[str, str]:
    return hours(held.mean), f"{hours(held.low)} to {hours(held.high)}"


def render_simulation(summary: Summary, trial: PastTrial, searches: int, seconds: float) -> RenderableType:
    """Render accuracy, cost with its lower bound, and calibration."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(Text("Correct", "bold"), f"{_share(summary.accuracy)} of {searches} searches")
    grid.add_row(Text("Wrong", "bold"), f"{_share(summary.wrong_rate)} named another commit")
    bound_text = (
        f"{summary.bound:.1f} trials, the theoretical minimum: {summary.reached * 100:.0f}% of the mean"
    )
    grid.add_row(Text("Bound", "bold"), bound_text)
    grid.add_row(Text("Cost", "bold"), f"{cost_text(summary.cost)} with {_trial(trial)}")
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
