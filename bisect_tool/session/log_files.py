"""The logs of a session: what its folder holds apart from its lock, and whether they were pruned."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.paths import modified
from bisect_tool.session.session import ENDED_WITH, LOCK

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.paths import Home

_PRUNED = "pruned"
_STAYS = frozenset({LOCK, ENDED_WITH, _PRUNED})
_log = logging.getLogger("bisect_run.session")


def log_files(home: Home, session: str) -> tuple[Path, ...]:
    """The logs and trial folders of a session, by name; none if there are none, or no more."""
    folder = home.session(session)
    found = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(path for path in found if path.name not in _STAYS))


def last_written(home: Home, session: str) -> float:
    """When the newest of a session's logs was written, in seconds since the epoch; 0 without any."""
    return max(map(modified, log_files(home, session)), default=0.0)


def note_pruned(home: Home, session: str, now: datetime) -> None:
    """Record that the logs of a session are being removed; on a full disk they are removed all the same."""
    try:
        (home.session(session) / _PRUNED).write_text(now.isoformat(timespec="seconds"), encoding="ascii")
    except OSError as error:
        _log.warning("cannot record that the logs of session %s are pruned: %s", session, error)


def pruned_at(home: Home, session: str) -> datetime | None:
    """When the logs of a session were removed; None if they never were."""
    try:
        text = (home.session(session) / _PRUNED).read_text(encoding="ascii")
        return datetime.fromisoformat(text).astimezone(UTC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("cannot read when the logs of session %s were pruned: %s", session, error)
        return None
