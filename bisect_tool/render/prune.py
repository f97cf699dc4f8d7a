"""Render `prune`: what was removed, what was kept because it is in use, and the remaining size."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.disk_usage.item import Kind
from bisect_tool.disk_usage.plan import Reason
from bisect_tool.disk_usage.size import format_size
from bisect_tool.format import count, listing
from bisect_tool.render.status import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.json_document.prune import KeptItem, PrunedItem, PruneDocument


def render_prune(document: PruneDocument, now: datetime) -> RenderableType:
    """Render a sentence about the result, and a line for each removed or kept item."""
    parts: list[RenderableType] = [Text(_summary(document), "bold")]
    if document.removed:
        parts += [Text(), _removed(document.removed, now)]
    if document.kept:
        parts += [Text(), Text("Kept"), _kept(document.kept)]
    if document.max_bytes is not None and document.bytes > document.max_bytes:
        above = format_size(document.bytes - document.max_bytes)
        parts += [Text(), Text(f"Still {above} above --max-size: the rest is in use, or is never removed.")]
    return Group(*parts)


def _summary(document: PruneDocument) -> str:
    """`Removed 2 environments and 1 worktree: 16.2 GiB freed, 9.1 GiB left.`."""
    left = f"{format_size(document.bytes)} left"
    if not document.removed:
        return f"Nothing {'was removed' if document.exit_code else 'to remove'}, {left}."
    numbers = [(kind, sum(item.kind is kind for item in document.removed)) for kind in Kind]
    what = listing([_counted(kind, number) for kind, number in numbers if number])
    done, freed = ("Would remove", "to free") if document.dry_run else ("Removed", "freed")
    return f"{done} {what}: {format_size(document.freed_bytes)} {freed}, {left}."


def _counted(kind: Kind, number: int) -> str:
    return f"the logs of {count(number, 'session')}" if kind is Kind.LOGS else count(number, kind)


def _removed(items: Sequence[PrunedItem], now: datetime) -> Table:
    grid = _grid()
    for item in items:
        grid.add_row(f"  {item.kind}", item.name, format_size(item.bytes), _why(item, now))
    return grid


def _why(item: PrunedItem, now: datetime) -> str:
    idle = age((now - datetime.fromisoformat(item.last_used)).total_seconds())
    used = "last used just now" if idle == "now" else f"last used {idle} ago"
    return used if item.reason is Reason.AGE else f"{used}, over --max-size"


def _kept(items: Sequence[KeptItem]) -> Table:
    grid = _grid()
    for item in items:
        grid.add_row(f"  {item.kind}", item.name, format_size(item.bytes), item.reason)
    return grid


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "left"):
        grid.add_column(justify=justify, overflow="fold")
    return grid
