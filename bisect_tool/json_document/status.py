"""The JSON document of `status`: all sessions with their states, and the disk usage of the home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bisect_tool.disk_usage.item import Kind
from bisect_tool.format import count, listing, short
from bisect_tool.json_document.document import Document
from bisect_tool.request import Request
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bisect_tool.disk_usage.inventory import Inventory
    from bisect_tool.session.store import SessionRow

SCHEMA: Final = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SessionSummary(_Model):
    """One session; `state` is running, ended, resumable or unreadable.

    `watch` is the watch of `nightly` that started it, or empty. `range` is `GOOD..BAD`, or the commit that
    was run. `logs_bytes` is the size of its logs, and `logs_pruned` the time when `prune` removed them;
    empty if it never did.
    """

    session: str
    command: str
    state: Literal["running", "ended", "resumable", "unreadable"]
    created: str
    repo: str
    range: str
    trials: int
    conclusion: str
    logs_bytes: int
    logs_pruned: str
    watch: str = ""


class PartSize(_Model):
    """The size of a part of the home."""

    bytes: int


class ItemsSize(PartSize):
    """The number of items in a part of the home, and their size."""

    number: int


class DiskUsage(_Model):
    """The size of a home's parts; `other` has models, cached responses, and similar files."""

    environments: ItemsSize
    worktrees: ItemsSize
    logs: ItemsSize
    repositories: PartSize
    store: PartSize
    other: PartSize
    total: PartSize


class StatusDocument(_Model):
    """The sessions of a home, newest first, and its size."""

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    command: Literal["status"] = "status"
    sessions: tuple[SessionSummary, ...]
    disk: DiskUsage

    def to_json(self) -> str:
        """The document as indented JSON text, in ASCII."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)


def summarise(
    row: SessionRow, *, running: bool, trials: int, logs: int = 0, pruned: datetime | None = None
) -> SessionSummary:
    """Summarise a stored session.

    Args:
        row: The session.
        running: Whether a process is running it.
        trials: How many of its trials are stored.
        logs: The size of its logs in bytes.
        pruned: When its logs were removed.
    """
    summary = SessionSummary(
        session=row.id,
        command="",
        state="unreadable",
        created=row.created,
        repo="",
        range="",
        trials=trials,
        conclusion="stored by another version of bisect-run",
        logs_bytes=logs,
        logs_pruned=pruned.isoformat(timespec="seconds") if pruned else "",
    )
    try:
        request = Request.model_validate_json(row.request)
        document = Document.model_validate_json(row.document) if row.document else None
    except ValidationError:
        return summary
    goods = listing([short(sha) for sha in request.goods], limit=1)
    ended = None if running else document
    state = "running" if running else "ended" if ended and not ended.resumable else "resumable"
    return summary.model_copy(
        update={
            "command": request.mode.command,
            "watch": clean_line(request.watched.name) if request.watched else "",
            "state": state,
            "repo": clean_line(request.repo),
            "range": f"{goods}..{short(request.bad)}" if goods else short(request.bad),
            "conclusion": _conclusion(ended) if ended else f"{count(trials, 'trial')} so far",
        }
    )


def disk_usage(found: Inventory) -> DiskUsage:
    """Return the disk usage of a home."""
    return DiskUsage(
        environments=_part(found, Kind.ENVIRONMENT),
        worktrees=_part(found, Kind.WORKTREE),
        logs=_part(found, Kind.LOGS),
        repositories=PartSize(bytes=found.clones),
        store=PartSize(bytes=found.store),
        other=PartSize(bytes=found.other + found.size(Kind.WHEEL)),
        total=PartSize(bytes=found.total),
    )


def logs_by_session(found: Inventory) -> dict[str, int]:
    """Return the size of each session's logs, by session."""
    return {item.name: item.size for item in found.items if item.kind is Kind.LOGS}


def status_document(sessions: Iterable[SessionSummary], found: Inventory) -> StatusDocument:
    """Compose the document of `status`."""
    return StatusDocument(sessions=tuple(sessions), disk=disk_usage(found))


def _part(found: Inventory, kind: Kind) -> ItemsSize:
    return ItemsSize(bytes=found.size(kind), number=found.number(kind))


def _conclusion(document: Document) -> str:
    shas = dict.fromkeys(short(cell.culprit.sha) for cell in document.cells.values() if cell.culprit)
    return f"{document.conclusion}: {listing(tuple(shas))}" if shas else document.conclusion
