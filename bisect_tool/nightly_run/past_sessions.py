"""Read the stored sessions that matter to a watch: those with its check, and its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool.errors import ExitCode
from bisect_tool.json_document.document import Document
from bisect_tool.mode import Bisect, Repro, Walk
from bisect_tool.request import Request
from bisect_tool.session import session as sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow, Store, TrialRow

_log = logging.getLogger("bisect_run.nightly_run")


@dataclass(frozen=True)
class PastSession:
    """A stored session: its request, its trials, and its document if it ended.

    `running` means by any process; an `abandoned` session is never resumed.
    """

    id: str
    request: Request
    trials: tuple[TrialRow, ...]
    document: Document | None
    running: bool
    abandoned: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether it can be resumed: it was interrupted, or stopped by a budget."""
        free = not self.running and not self.abandoned
        return free and (self.document is None or self.document.resumable)

    @property
    def watch(self) -> str:
        """The name of the watch that started it, or empty."""
        return self.request.watched.name if self.request.watched else ""

    def bisects_for(self, watch: str) -> bool:
        """Whether it is a bisection started by this watch."""
        return self.belongs_to(watch) and isinstance(self.request.mode, Bisect | Walk)

    def belongs_to(self, watch: str) -> bool:
        """Whether this watch started it."""
        return self.watch == watch


def past_sessions(store: Store, home: Home) -> tuple[PastSession, ...]:
    """Return the readable sessions, oldest first."""
    return tuple(_read(store, home))


def has_check(past: PastSession, request: Request) -> bool:
    """Whether a session ran the same check, in the same way, on the same cells.

    Tests pinned to a branch stay the same check when the branch moves.
    """
    mode = past.request.mode
    stressed = isinstance(mode, Repro) and mode.stress is not None
    return not stressed and _check(past.request) == _check(request)


def is_about(past: PastSession, cells: Collection[tuple[str, ...]]) -> bool:
    """Whether a watch started a session for one of these cells (job, shard, cell, environment)."""
    watched = past.request.watched
    return watched is not None and any(key[1:] in cells for key in watched.cells)


def abandon(past: PastSession, home: Home) -> None:
    """Mark a session as abandoned, so that later nights do not resume it."""
    home.session(past.id).mkdir(parents=True, exist_ok=True)
    sessions.note_end(home, past.id, ExitCode.USAGE)


def last_profile(past: Iterable[PastSession], watch: str, request: Request) -> str | None:
    """Return the profile of the watch's last run of the same check; that of the request if there is none."""
    own = (each.request for each in past if each.belongs_to(watch))
    same = [each.profile for each in own if _tests(each) == _tests(request)]
    return same[-1] if same else request.profile


def _check(request: Request) -> tuple[object, ...]:
    return *_tests(request), request.profile


def _tests(request: Request) -> tuple[object, ...]:
    unpinned = request.check.model_dump(exclude={"tests_from"})
    return unpinned, request.check.pinned_to is not None, request.scenario, request.cells


def _read(store: Store, home: Home) -> Iterator[PastSession]:
    for row in reversed(store.sessions()):
        try:
            request = Request.model_validate_json(row.request)
            document = _document(row)
        except ValidationError:
            _log.info("session %s was stored by another version and is left out", row.id)
            continue
        running = sessions.is_running(home, row.id)
        abandoned = sessions.ended_with(home, row.id) is ExitCode.USAGE
        yield PastSession(row.id, request, tuple(store.trials(row.id)), document, running, abandoned)


def _document(row: SessionRow) -> Document | None:
    return None if row.document is None else Document.model_validate_json(row.document)
