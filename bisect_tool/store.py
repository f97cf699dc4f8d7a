"""The store: sessions and their trials in SQLite, append-only; the journal and the cache.

Write-ahead log with FULL synchronisation: a trial that was added survives SIGKILL and power loss
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.trial.result import TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY,
    created TEXT NOT NULL,
    request TEXT NOT NULL,
    document TEXT
);
CREATE TABLE IF NOT EXISTS trial (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL REFERENCES session(id),
    purpose TEXT NOT NULL,
    sha TEXT NOT NULL,
    result TEXT NOT NULL,
    version TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS trial_session ON trial(session, number);
"""
_ADD_VERSION = "ALTER TABLE trial ADD COLUMN version TEXT NOT NULL DEFAULT ''"
_INDEX_VERSION = "CREATE INDEX IF NOT EXISTS trial_version ON trial(version, sha)"
_SESSIONS = "SELECT id, created, request, document FROM session"
_NEWEST_FIRST = "ORDER BY created DESC, rowid DESC"
_CONFIRMS = "json_extract(request, '$.fixes.confirms')"
_LOCK_WAIT_S = 30
_LAST = 2**63 - 1


@dataclass(frozen=True)
class SessionRow:
    """One session as stored: `request` and `document` are JSON texts, `document` None until it ended."""

    id: str
    created: str
    request: str
    document: str | None


@dataclass(frozen=True)
class TrialRow:
    """One stored trial: its number in the store, what it was for, and what it yielded.

    A `shared` one is of an earlier session.
    """

    number: int
    purpose: str
    result: TrialResult
    shared: bool = False


class Store:
    """All sessions of one home folder; closed with the last reference at the latest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _open(path)
            self._close = weakref.finalize(self, self._db.close)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error

    def close(self) -> None:
        """Close the connection."""
        self._close()

    def create(self, request: str) -> str:
        """Add a session for the JSON text `request` and return its id, such as `20260306-1a2b3c`."""
        now = datetime.now(UTC)
        session = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        with self._writing():
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, NULL)",
                (session, now.isoformat(timespec="seconds"), request),
            )
        return session

    def add(self, session: str, purpose: str, result: TrialResult, version: str = "") -> None:
        """Append a trial; it is on disk when this returns. Without a `version` it is never shared."""
        with self._writing():
            self._db.execute(
                "INSERT INTO trial (session, purpose, sha, result, version) VALUES (?, ?, ?, ?, ?)",
                (session, purpose, result.sha, result.model_dump_json(), version),
            )

    def finish(self, session: str, document: str) -> None:
        """Keep the final document of a session."""
        with self._writing():
            self._db.execute("UPDATE session SET document = ? WHERE id = ?", (document, session))

    def replace_request(self, session: str, request: str) -> None:
        """Keep another JSON text for what a session asked: its repository lies elsewhere now."""
        with self._writing():
            self._db.execute("UPDATE session SET request = ? WHERE id = ?", (request, session))

    def session(self, session: str) -> SessionRow:
        """The session with this id, an unambiguous prefix of one, or `last`, which is no part of another.

        Raises:
            UsageError: there is none, or more than one.
        """
        if session == "last":
            matches = self._sessions(f"{_SESSIONS} WHERE {_CONFIRMS} IS NULL {_NEWEST_FIRST} LIMIT 1")
        else:
            rows = self.sessions()
            exact = [row for row in rows if row.id == session]
            matches = exact or [row for row in rows if session and row.id.startswith(session)]
        if not matches:
            raise UsageError(
                f"no such session: {session}", "`bisect-run status` lists the sessions there are."
            )
        if len(matches) > 1:
            raise UsageError(f"{session} names {len(matches)} sessions", "Give more of the id.")
        return matches[0]

    def sessions(self) -> list[SessionRow]:
        """All sessions, newest first."""
        return self._sessions(f"{_SESSIONS} {_NEWEST_FIRST}")

    def confirming(self, session: str) -> list[SessionRow]:
        """The sessions that confirm the culprits of this one, newest first."""
        return self._sessions(f"{_SESSIONS} WHERE {_CONFIRMS} = ? {_NEWEST_FIRST}", session)

    def trials(self, session: str) -> list[TrialRow]:
        """The trials of a session in the order in which they ran.

        Raises:
            UsageError: another version stored them in another form.
        """
        query = "SELECT number, purpose, result FROM trial WHERE session = ? ORDER BY number"
        try:
            return [
                TrialRow(number, purpose, TrialResult.model_validate_json(result))
                for number, purpose, result in self._db.execute(query, (session,))
            ]
        except ValidationError:
            raise another_version(session) from None

    def count(self, session: str) -> int:
        """How many trials a session has."""
        (number,) = self._db.execute("SELECT count(*) FROM trial WHERE session = ?", (session,)).fetchone()
        return int(number)

    def earlier(self, session: str, version: str, shas: Iterable[str]) -> list[TrialRow]:
        """Trials of other sessions at these commits with this version, in the order in which they ran.

        Those of sessions that run beside this one count only until it has a trial of its own, so that what it
        is decided on does not change any more.
        """
        query = (
            "SELECT number, purpose, result FROM trial WHERE version = ? AND session != ? AND version != ''"
            " AND sha IN (SELECT value FROM json_each(?))"
            " AND number < ifnull((SELECT min(number) FROM trial WHERE session = ?), ?) ORDER BY number"
        )
        values = (version, session, json.dumps(list(shas)), session, _LAST)
        return [
            TrialRow(number, purpose, TrialResult.model_validate_json(result), shared=True)
            for number, purpose, result in self._db.execute(query, values)
        ]

    def _sessions(self, query: str, *values: str) -> list[SessionRow]:
        return [SessionRow(*row) for row in self._db.execute(query, values)]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def another_version(session: str) -> UsageError:
    """What was stored cannot be read."""
    return UsageError(f"session {session} was stored by another version of bisect-run", "Begin a new one.")


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_SCHEMA)
        _add_version(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _add_version(database: sqlite3.Connection) -> None:
    """Stores that are older than the sharing of trials lack the column, and share none of theirs."""
    if not _has_version(database):
        database.execute("BEGIN IMMEDIATE")
        if not _has_version(database):  # another process may have been quicker
            database.execute(_ADD_VERSION)
        database.execute("COMMIT")
    database.execute(_INDEX_VERSION)


def _has_version(database: sqlite3.Connection) -> bool:
    return any(column == "version" for _, column, *_ in database.execute("PRAGMA table_info(trial)"))


def _unusable(path: Path, error: Exception) -> EnvironmentFailed:
    return EnvironmentFailed(
        f"the store {path} cannot be written: {error}",
        "Free some disk or point BISECT_RUN_HOME at a writable folder.",
    )
