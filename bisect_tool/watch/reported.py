"""Which causes earlier nights reported, in a file of the home: what is new is reported once."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.watch.causes import reported_state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bisect_tool.paths import Home
    from bisect_tool.results.nightly import Cause

_log = logging.getLogger("bisect_run.watch")


def reported(home: Home) -> dict[str, str]:
    """The fingerprint of each cause, with the state that was reported last; empty if nothing was."""
    path = _path(home)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read, and everything is new: %s", path, error)
        return {}
    return {str(mark): str(state) for mark, state in content.items()} if isinstance(content, dict) else {}


def record(home: Home, causes: Iterable[Cause]) -> None:
    """Remember that these causes were reported.

    Raises:
        EnvironmentFailed: the file cannot be written.
    """
    states = {each.fingerprint: reported_state(each) for each in causes}
    path = _path(home)
    written = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps({**reported(home), **states}, indent=1), encoding="utf-8")
        written.replace(path)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write {path}: {error.strerror}", "What is new tonight will be reported as new again."
        ) from error


def _path(home: Home) -> Path:
    return home.state / "nightly" / "reported.json"
