"""Where bisect-run keeps things: one state folder that matters and one cache folder that can be deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

VARIABLE = "BISECT_RUN_HOME"


@dataclass(frozen=True)
class Home:
    """`state` holds the store and the trials' logs; `cache` holds clones, worktrees and environments."""

    state: Path
    cache: Path

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.state / "store.db"

    @property
    def assets(self) -> Path:
        """Things made once and used by every trial, such as the tiny model."""
        return self.cache / "assets"

    def session(self, session: str) -> Path:
        """The folder of one session's logs."""
        return self.state / "sessions" / session


def home() -> Home:
    """The folders named by BISECT_RUN_HOME, else the platform's own (XDG on Linux)."""
    override = os.environ.get(VARIABLE)
    if override:
        base = Path(override).expanduser().resolve()
        return Home(base / "state", base / "cache")
    return Home(platformdirs.user_state_path("bisect-run"), platformdirs.user_cache_path("bisect-run"))
