"""What `prune` removes, given what there is (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.disk.item import Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta


class Reason(StrEnum):
    """Why an item is removed."""

    AGE = "age"
    SIZE = "size"


@dataclass(frozen=True)
class Limits:
    """How long something unused is kept, and how many bytes the home may take; None for any number."""

    age: timedelta
    size: int | None = None


@dataclass(frozen=True)
class Removal:
    """An item to remove, and why."""

    item: Item
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """What to remove, in that order, and what would be removed if no run held it."""

    removals: tuple[Removal, ...]
    in_use: tuple[Item, ...]


def plan(items: Iterable[Item], total: int, now: datetime, limits: Limits) -> Plan:
    """Choose what to remove from a home that takes `total` bytes.

    First goes what was not used for longer than the age. If the home is still too large, the least recently
    used goes until it fits: environments, worktrees and wheels, which come again, before logs, which do not.
    The logs of a session that can be resumed are removed for their age only.
    """
    every = tuple(items)
    free = [item for item in every if not item.in_use]
    old = [item for item in free if now - item.last_used > limits.age]
    young = [item for item in free if item not in old]
    removals = [Removal(item, Reason.AGE) for item in sorted(old, key=lambda item: item.last_used)]
    left = total - sum(item.size for item in old)
    excess = _excess(young, left, limits)
    removals += [Removal(item, Reason.SIZE) for item in excess]
    fits = limits.size is None or left - sum(item.size for item in excess) <= limits.size
    held = (item for item in every if item.in_use and (not fits or now - item.last_used > limits.age))
    return Plan(tuple(removals), tuple(held))


def _excess(young: Sequence[Item], left: int, limits: Limits) -> list[Item]:
    """The items beyond the size, of `left` bytes that the home takes."""
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
