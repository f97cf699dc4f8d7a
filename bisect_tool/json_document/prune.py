"""The JSON document of `prune`: what was removed, what should have been but was kept, and the size left."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.disk_usage.item import Kind  # pydantic needs it at run time
from bisect_tool.disk_usage.plan import Reason  # pydantic needs it at run time
from bisect_tool.disk_usage.remove import RemovalStatus
from bisect_tool.errors import ExitCode
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.disk_usage.item import Item
    from bisect_tool.disk_usage.plan import Limits, Plan, Removal
    from bisect_tool.disk_usage.remove import RemovalResult

SCHEMA: Final = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrunedItem(_Model):
    """A removed item; `last_used` is ISO 8601 with a time zone, and `reason` is `age` or `size`."""

    kind: Kind
    name: str
    bytes: int
    last_used: str
    reason: Reason


class KeptItem(_Model):
    """An item that should have been removed, but was not; `reason` is `in use`, or an error message."""

    kind: Kind
    name: str
    bytes: int
    reason: str


class PruneDocument(_Model):
    """What `prune` did, or would do with `dry_run`.

    `bytes` is the size of the home afterwards. It can exceed `max_bytes`, because clones of repositories, the
    store, and items in use are kept.
    """

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    command: Literal["prune"] = "prune"
    dry_run: bool
    older_than_days: float
    max_bytes: int | None
    removed: tuple[PrunedItem, ...]
    kept: tuple[KeptItem, ...]
    freed_bytes: int
    bytes: int
    exit_code: int

    def to_json(self) -> str:
        """The document as indented JSON text, in ASCII."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)


def prune_document(
    plan: Plan, results: Sequence[RemovalResult], total: int, limits: Limits, *, dry: bool
) -> PruneDocument:
    """Compose the document from the plan and the results of its removals; `total` is the size before."""
    remaining = [each for each in results if each.status in (RemovalStatus.IN_USE, RemovalStatus.FAILED)]
    removed = tuple(_pruned(each.removal) for each in results if each.status is RemovalStatus.REMOVED)
    kept = (
        *(_kept(item, RemovalStatus.IN_USE) for item in plan.in_use),
        *(_kept(each.removal.item, each.problem or each.status) for each in remaining),
    )
    failed = any(each.status is RemovalStatus.FAILED for each in remaining)
    planned = sum(each.removal.item.size for each in results)
    return PruneDocument(
        dry_run=dry,
        older_than_days=limits.age / timedelta(days=1),
        max_bytes=limits.size,
        removed=removed,
        kept=kept,
        freed_bytes=sum(item.bytes for item in removed),
        bytes=total - planned + sum(each.removal.item.size for each in remaining),
        exit_code=ExitCode.ENVIRONMENT if failed else ExitCode.DONE,
    )


def _pruned(removal: Removal) -> PrunedItem:
    item, used = removal.item, removal.item.last_used.isoformat(timespec="seconds")
    return PrunedItem(
        kind=item.kind, name=clean_line(item.name), bytes=item.size, last_used=used, reason=removal.reason
    )


def _kept(item: Item, reason: str) -> KeptItem:
    return KeptItem(kind=item.kind, name=clean_line(item.name), bytes=item.size, reason=clean_line(reason))
