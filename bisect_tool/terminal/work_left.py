"""The remaining work of a session as text: commits, steps, time and GPU-hours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bisect_tool.expected_cost import Schedule, expected_cost
from bisect_tool.format import between, count, hours, roughly, search_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.expected_cost import ExpectedCost, PastTrial
    from bisect_tool.terminal.snapshot import Snapshot


def cost_left(steps: int, slots: int, past: Sequence[PastTrial], *, searching: bool) -> ExpectedCost | None:
    """Return the cost of the remaining steps if trials take as long as past ones; None without steps.

    With k slots, a round of trials splits a range into k + 1 parts, not two.
    """
    if not steps:
        return None
    if searching:
        sizes = (slots,) * math.ceil(steps / math.log2(slots + 1))
    else:
        full, rest = divmod(steps, slots)
        sizes = (slots,) * full + (rest,) * bool(rest)
    return expected_cost((Schedule(sizes),), past, slots)


def range_left(snapshot: Snapshot, now: float) -> str:
    """Return `narrowed to 9 commits, ~4 steps left, ~3 min (2 to 5 min), ~0.4 GPU-hours (0.3 to 0.6)`.

    Unless runs disagree, the number of commits only decreases. The time of running trials counts as spent.
    """
    if snapshot.searching:
        left = search_progress(snapshot.remaining, snapshot.disagreement)
        parts = [left if snapshot.remaining else "no commits left to search"]
        if snapshot.steps_left:
            parts.append(f"~{count(snapshot.steps_left, 'step')} left")
    else:
        parts = [f"{count(snapshot.steps_left, 'run')} left"]
    if snapshot.cost_left is not None:
        parts += _cost(snapshot.cost_left, _spent(snapshot, now))
    return ", ".join(parts)


def _spent(snapshot: Snapshot, now: float) -> float:
    """Return the elapsed time of the longest running trial, at most the mean duration of a trial."""
    longest = max((now - trial.began for trial in snapshot.running), default=0.0)
    return min(longest, snapshot.mean_s or longest)


def _cost(cost: ExpectedCost, spent: float) -> list[str]:
    """Return the remaining time, and GPU-hours if trials hold GPUs; an interval of one value is omitted."""
    wall, gpus = cost.wall_seconds, cost.gpu_seconds
    low, mean, high = (roughly(each - spent) for each in (wall.low, wall.mean, wall.high))
    interval = "" if low == high else f" ({between(wall.low - spent, wall.high - spent)})"
    parts = [f"{mean}{interval}"]
    if gpus.mean:
        first, last = hours(gpus.low), hours(gpus.high)
        interval = "" if first == last else f" ({first} to {last})"
        parts.append(f"~{hours(gpus.mean)} GPU-hours{interval}")
    return parts
