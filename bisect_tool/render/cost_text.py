"""An expected cost as text, for `plan` and `simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import between, duration, hours

if TYPE_CHECKING:
    from bisect_tool.expected_cost import ExpectedCost


def cost_text(cost: ExpectedCost) -> str:
    """`14 min 10 s (10 to 20 min), 0.9 GPU-hours (0.7 to 1.2)`; trial-hours if no GPU is used.

    An interval whose ends are formatted equally is left out.
    """
    wall, hours_held = cost.wall_seconds, cost.gpu_seconds if cost.gpu_seconds.mean else cost.trial_seconds
    unit = "GPU-hours" if cost.gpu_seconds.mean else "trial-hours"
    low, high, span = hours(hours_held.low), hours(hours_held.high), between(wall.low, wall.high)
    time_text = f"{duration(wall.mean)}{f' ({span})' if ' to ' in span else ''}"
    hours_text = f"{hours(hours_held.mean)} {unit}{f' ({low} to {high})' if low != high else ''}"
    return f"{time_text}, {hours_text}"
