"""Decide which items `prune` removes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.disk_usage.item import Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta


class Reason(StrEnum):
    """Why an item is removed."""

    AGE = "age"
    SIZE = "size"


@dataclass(frozen=True)
class Limits:
    """How long an unused item is kept, and the maximum size of the home in bytes; None is no limit."""

    age: timedelta
    size: int | None = None


@dataclass(frozen=True)
class Removal:
    """An item to remove, and why."""

    item: Item
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """What to remove, in this order, and what would be removed if no run used it."""

    removals: tuple[Removal, ...]
    in_use: tuple[Item, ...]


def plan(items: Iterable[Item], total: int, now: datetime, limits: Limits) -> Plan:
    """Choose what to remove from a home of `total` bytes.

    Items that were unused for longer than the maximum age are removed first. If the home is still too large,
    the least recently used items are removed until it fits: first environments, worktrees and wheels, which
    can be rebuilt, then logs. Logs of a session that can be resumed are removed only because of their age.
    """
    all_items = tuple(items)
    free = [item for item in all_items if not item.in_use]
    old = [item for item in free if now - item.last_used > limits.age]
    young = [item for item in free if item not in old]
    removals = [Removal(item, Reason.AGE) for item in sorted(old, key=lambda item: item.last_used)]
    left = total - sum(item.size for item in old)
    over_size = _over_size(young, left, limits)
    removals += [Removal(item, Reason.SIZE) for item in over_size]
    fits = limits.size is None or left - sum(item.size for item in over_size) <= limits.size
    held = (item for item in all_items if item.in_use and (not fits or now - item.last_used > limits.age))
    return Plan(tuple(removals), tuple(held))


def _over_size(young: Sequence[Item], left: int, limits: Limits) -> list[Item]:
    """The items to remove so that `left` bytes shrink to the maximum size."""
    if limits.size is None:
        return []
    chosen = []
    for item in sorted(young, key=lambda item: (item.kind is Kind.LOGS, item.last_used)):
        if left <= limits.size:
            break
        if not item.resumable:
            chosen.append(item)
            left -= item.size
    return chosen
