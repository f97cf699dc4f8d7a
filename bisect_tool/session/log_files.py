"""The logs of a session: the files in its folder, and whether they were pruned."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.paths import modified
from bisect_tool.session.session import ENDED_WITH, LOCK
from bisect_tool.supervise.files import read_regular, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.paths import Home

TRIALS = "trials"
_PRUNED = "pruned"
_STAYS = frozenset({LOCK, ENDED_WITH, _PRUNED})
_log = logging.getLogger("bisect_run.session")


def log_files(home: Home, session: str) -> tuple[Path, ...]:
    """Return the logs and trial folders of a session, by name."""
    folder = home.session(session)
    found = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(path for path in found if path.name not in _STAYS))


def trial_folders(session: Path) -> tuple[Path, ...]:
    """Return the folders of the trials in a session's folder; none through a link.

    A trial may have replaced one of these folders by a link to somebody else's files.
    """
    trials = session / TRIALS
    return () if session.is_symlink() or trials.is_symlink() else tuple(trials.glob("*"))


def last_written(home: Home, session: str) -> float:
    """Return when a session last wrote a log, in seconds since the epoch; 0 without logs."""
    return max(map(modified, log_files(home, session)), default=0.0)


def note_pruned(home: Home, session: str, now: datetime) -> None:
    """Record that the logs of a session are being removed; a full disk does not stop the removal."""
    try:
        write_atomically(home.session(session) / _PRUNED, now.isoformat(timespec="seconds"))
    except OSError as error:
        _log.warning("cannot record that the logs of session %s are pruned: %s", session, error)


def pruned_at(home: Home, session: str) -> datetime | None:
    """Return when the logs of a session were removed, or None."""
    try:
        text = read_regular(home.session(session) / _PRUNED).decode("ascii")
        return datetime.fromisoformat(text).astimezone(UTC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("cannot read when the logs of session %s were pruned: %s", session, error)
        return None
