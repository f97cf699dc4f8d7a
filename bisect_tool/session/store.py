"""The store: sessions and their trials in one SQLite file; trials are only ever appended.

Write-ahead log with FULL synchronisation: a stored trial survives SIGKILL and power loss
(https://www.sqlite.org/pragma.html#pragma_synchronous). Rows that are damaged are skipped with a warning.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.trial.result import TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
"""`PRAGMA user_version` of the newest supported stores; older ones are migrated."""
_TABLES = """
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
"""
_INDICES = """
CREATE INDEX IF NOT EXISTS trial_session ON trial(session, number);
CREATE INDEX IF NOT EXISTS trial_version ON trial(version, sha);
"""
_COLUMNS = {
    "session": {"id", "created", "request", "document"},
    "trial": {"number", "session", "purpose", "sha", "result", "version"},
}
_ADD_VERSION = "ALTER TABLE trial ADD COLUMN version TEXT NOT NULL DEFAULT ''"
_SESSIONS = "SELECT id, created, request, document FROM session"
_NEWEST_FIRST = "ORDER BY created DESC, rowid DESC"
# Earlier versions stored it in `fixes`.
_CONFIRMS = (
    "CASE WHEN json_valid(request) THEN coalesce("
    "json_extract(request, '$.mode.confirms'), json_extract(request, '$.mode.walk'), "
    "json_extract(request, '$.fixes.confirms')) END"
)
_TRIALS = "SELECT number, purpose, result FROM trial"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SHOWN = 3
_LOCK_WAIT_S = 30
_Row: TypeAlias = tuple[Any, ...]
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
    """One stored trial: its number in the store, its purpose, and its result.

    A `shared` trial belongs to an earlier session.
    """

    number: int
    purpose: str
    result: TrialResult
    shared: bool = False


class Store:
    """All sessions of one state folder, in SQLite; closed with its last reference.

    `warn` is called once with a sentence for each unreadable row that is skipped.

    Raises:
        EnvironmentFailed: the file cannot be used, is damaged, or was written by a newer version.
    """

    def __init__(self, path: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        self._path, self._warn = path, warn
        self._warned: set[str] = set()
        try:
            # Only its owner may read it: logs have what the check prints, secrets among it.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = _open(path)
            self._opened = _file(path)
            self._close = weakref.finalize(self, self._db.close)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error

    def close(self) -> None:
        """Close the connection."""
        self._close()

    def create(self, request: str) -> str:
        """Add a session for the JSON text `request`; returns its id, such as `20260306-142359-1a2b`."""
        # Another session of the same second may have drawn the same four digits.
        while True:
            now = datetime.now(UTC)
            session = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            values = (session, now.isoformat(timespec="seconds"), request)
            with self._writing():
                added = self._db.execute("INSERT OR IGNORE INTO session VALUES (?, ?, ?, NULL)", values)
            if added.rowcount:
                return session

    def add(self, session: str, purpose: str, result: TrialResult, version: str = "") -> None:
        """Append a trial; it is on disk when this returns. Without a `version` it is never shared.

        The JSON text is parsed first: an unreadable trial would affect every later session.
        """
        text = result.model_dump_json()
        TrialResult.model_validate_json(text)
        with self._writing():
            self._db.execute(
                "INSERT INTO trial (session, purpose, sha, result, version) VALUES (?, ?, ?, ?, ?)",
                (session, purpose, result.sha, text, version),
            )

    def finish(self, session: str, document: str) -> None:
        """Store the final document of a session."""
        with self._writing():
            self._db.execute("UPDATE session SET document = ? WHERE id = ?", (document, session))

    def replace_request(self, session: str, request: str) -> None:
        """Replace a session's request, after its repository was moved."""
        with self._writing():
            self._db.execute("UPDATE session SET request = ? WHERE id = ?", (request, session))

    def session(self, session: str) -> SessionRow:
        """Return the session with this id, an unambiguous prefix or suffix of an id, or `last`.

        `last` ignores sessions that continue another.

        Raises:
            UsageError: there is none, or more than one.
        """
        if session == "last":
            matches = self._last()
        else:
            rows = self.sessions()
            exact = [row for row in rows if row.id == session]
            prefixed = [row for row in rows if session and row.id.startswith(session)]
            matches = exact or prefixed or [row for row in rows if session and row.id.endswith(session)]
        if not matches and session == "last":
            raise UsageError("there are no sessions yet", "BISECT_RUN_HOME sets where sessions are stored.")
        if not matches:
            raise UsageError(f"no such session: {session}", "`bisect-run status` lists the sessions.")
        if len(matches) > 1:
            ids = ", ".join(row.id for row in matches[:_SHOWN])
            more = f" and {len(matches) - _SHOWN} more" if len(matches) > _SHOWN else ""
            raise UsageError(
                f"{session} matches {len(matches)} sessions: {ids}{more}",
                "Use a longer part of the id.",
            )
        return matches[0]

    def _last(self) -> list[SessionRow]:
        query = f"{_SESSIONS} WHERE {_CONFIRMS} IS NULL {_NEWEST_FIRST}"
        try:
            return self._sessions(f"{query} LIMIT 1") or self._sessions(query)[:1]
        except StoreDamaged:  # the index may be sound where the table is not
            return self.sessions()[:1]

    def sessions(self) -> list[SessionRow]:
        """Return all readable sessions, newest first."""
        try:
            return self._sessions(f"{_SESSIONS} {_NEWEST_FIRST}")
        except StoreDamaged:  # what is left out is reported
            keys = "SELECT rowid FROM session INDEXED BY sqlite_autoindex_session_1"
            rows = self._one_by_one(keys, (), f"{_SESSIONS} WHERE rowid = ?", "session")
            return sorted(self._session_rows(rows), key=lambda row: row.created, reverse=True)

    def confirming(self, session: str) -> list[SessionRow]:
        """Return the sessions that continue this one, newest first, by confirming or after a walk."""
        return self._sessions(f"{_SESSIONS} WHERE {_CONFIRMS} = ? {_NEWEST_FIRST}", session)

    def trials(self, session: str) -> list[TrialRow]:
        """Return the readable trials of a session, in the order in which they ran."""
        query = f"{_TRIALS} WHERE session = ? ORDER BY number"
        try:
            rows = self._rows(query, session)
        except StoreDamaged:  # what is left out is reported
            keys = "SELECT number FROM trial INDEXED BY trial_session WHERE session = ? ORDER BY number"
            rows = self._one_by_one(keys, (session,), f"{_TRIALS} WHERE number = ?", "trial")
        return self._trial_rows(rows, f"of session {session}")

    def count(self, session: str) -> int:
        """Return the number of trials of a session."""
        rows = self._rows("SELECT count(*) FROM trial WHERE session = ?", session)
        return int(rows[0][0])

    def earlier(self, session: str, version: str, shas: Iterable[str]) -> list[TrialRow]:
        """Return trials of other sessions at these commits with this version, in the order in which they ran.

        Trials that other sessions add after the first trial of this one are ignored, so that decisions stay
        reproducible.
        """
        query = (
            "SELECT number, purpose, result FROM trial WHERE version = ? AND session != ? AND version != ''"
            " AND sha IN (SELECT value FROM json_each(?))"
            " AND number < ifnull((SELECT min(number) FROM trial WHERE session = ?), ?) ORDER BY number"
        )
        try:
            rows = self._rows(query, version, session, json.dumps(list(shas)), session, _LAST)
        except StoreDamaged as error:
            self._notify(f"the trials of earlier sessions are left out: {error.message}")
            return []
        return [replace(row, shared=True) for row in self._trial_rows(rows, "of an earlier session")]

    def damage(self) -> list[str]:
        """Return the problems that SQLite's quick check finds; empty if there are none."""
        try:
            return [found for (found,) in self._rows("PRAGMA quick_check(10)") if found != "ok"]
        except StoreDamaged as error:
            return [error.message]

    def _sessions(self, query: str, *values: str) -> list[SessionRow]:
        return self._session_rows(self._rows(query, *values))

    def _session_rows(self, rows: Iterable[_Row]) -> list[SessionRow]:
        found = []
        for row in (SessionRow(*values) for values in rows):
            if _is_complete(row):
                found.append(row)
            else:
                self._notify(f"session {row.id} cannot be read, and is left out")
        return found

    def _trial_rows(self, rows: Iterable[_Row], where: str) -> list[TrialRow]:
        found = []
        for number, purpose, result in rows:
            try:
                found.append(TrialRow(number, purpose, TrialResult.model_validate_json(result)))
            except ValidationError:
                self._notify(f"trial {number} {where} cannot be read, and is left out")
        return found

    def _rows(self, query: str, *values: str | int) -> list[_Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def _one_by_one(self, keys: str, values: tuple[str, ...], one: str, what: str) -> list[_Row]:
        """Read rows one by one, skipping damaged ones; `keys` reads all keys from an index."""
        rows = []
        for (key,) in self._rows(keys, *values):
            try:
                rows += self._rows(one, key)
            except StoreDamaged as error:
                self._notify(f"a {what} is left out: {error.message}")
        return rows

    def _notify(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._warn(sentence)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error
        if _file(self._path) != self._opened:  # SQLite writes to a removed file as to any other
            raise StoreRemoved(
                f"the store {self._path} was removed or replaced while it was in use; new results are lost",
                "If the check did that, change it; then start a new session.",
            )


class StoreRemoved(EnvironmentFailed):
    """The store's file is gone, and with it the session."""


class StoreDamaged(EnvironmentFailed):
    """A part of the store's file is corrupt."""


def another_version(session: str) -> UsageError:
    """The error for a stored session that this version cannot parse."""
    return UsageError(f"session {session} was stored by another version of bisect-run", "Start a new one.")


def _file(path: Path) -> tuple[int, int]:
    """Return what identifies the file of this name; zeros if there is none."""
    try:
        found = path.stat()
    except OSError:  # there is none: that differs from the one that was opened
        return 0, 0
    return found.st_dev, found.st_ino


def _open(path: Path) -> sqlite3.Connection:
    # Whichever thread collects the last reference closes it.
    database = sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    database.text_factory = lambda text: text.decode(errors="replace")
    try:
        _refuse_newer(database, path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_TABLES)
        _add_version(database)
        _refuse_other_columns(database, path)
        database.executescript(_INDICES)
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except (sqlite3.Error, EnvironmentFailed):
        database.close()
        raise
    return database


def _refuse_newer(database: sqlite3.Connection, path: Path) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise EnvironmentFailed(
            f"the store {path} was written by a newer version of bisect-run (schema {version},"
            f" supported up to {SCHEMA_VERSION})",
            "Use that version, or set BISECT_RUN_HOME to another directory.",
        )


def _refuse_other_columns(database: sqlite3.Connection, path: Path) -> None:
    for table, columns in _COLUMNS.items():
        if missing := columns - _columns(database, table):
            raise EnvironmentFailed(
                f"the store {path} has a different layout than this version expects:"
                f" its table {table} lacks {', '.join(sorted(missing))}",
                "Use the version that wrote it, or move the file away and start over.",
            )


def _add_version(database: sqlite3.Connection) -> None:
    """Add the column to older stores, whose trials are not shared."""
    if "version" not in _columns(database, "trial"):
        database.execute("BEGIN IMMEDIATE")
        if "version" not in _columns(database, "trial"):  # another process may have been faster
            database.execute(_ADD_VERSION)
        database.execute("COMMIT")


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {column for _, column, *_ in database.execute(f"PRAGMA table_info({table})")}


def _is_complete(row: SessionRow) -> bool:
    """Whether a row is complete: an id, a time with its zone, and a request."""
    try:
        zone = datetime.fromisoformat(row.created).tzinfo
    except (TypeError, ValueError):
        return False
    return zone is not None and isinstance(row.id, str) and isinstance(row.request, str)


def _unusable(path: Path, error: Exception) -> EnvironmentFailed:
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
        return StoreDamaged(
            f"the store {path} is damaged: {error}",
            "`bisect-run doctor` shows what is readable. "
            "To start over, move it away together with its -wal and -shm files.",
        )
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return EnvironmentFailed(
            f"the store {path} is locked: another process has written to it for {_LOCK_WAIT_S} s,"
            " or its filesystem has no locks",
            "Try again, or set BISECT_RUN_HOME to a directory on a local disk.",
        )
    return EnvironmentFailed(
        f"the store {path} cannot be written: {error}",
        "Free some space, or set BISECT_RUN_HOME to a writable directory.",
    )
