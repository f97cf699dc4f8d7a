"""Store the causes that earlier nights reported, so that each is reported as new once."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.nightly_run.causes import reported_state
from bisect_tool.supervise.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bisect_tool.json_document.nightly import Cause
    from bisect_tool.paths import Home

_log = logging.getLogger("bisect_run.nightly_run")
_DAMAGED_NAME = "reported.json.damaged"
_CONSEQUENCE = f"causes that earlier nights reported count as new (it is kept as {_DAMAGED_NAME})"


@dataclass(frozen=True)
class Reported:
    """The last reported state of each cause, by fingerprint; or the problem of reading it."""

    states: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def reported(home: Home) -> Reported:
    """Read what earlier nights reported."""
    path = _path(home)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Reported()
    except OSError as error:
        return Reported(problem=f"{path} cannot be read ({error.strerror}): {_CONSEQUENCE}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return Reported(problem=f"{path} is damaged: {_CONSEQUENCE}")
    return Reported({str(mark): str(state) for mark, state in content.items()})


def record(home: Home, causes: Iterable[Cause]) -> None:
    """Record that these causes were reported; a damaged file is renamed first.

    Raises:
        EnvironmentFailed: the file cannot be written.
    """
    path, before = _path(home), reported(home)
    states = {**before.states, **{each.fingerprint: reported_state(each) for each in causes}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if before.problem:
            path.replace(path.with_name(_DAMAGED_NAME))
            _log.warning("%s is kept as %s", path, _DAMAGED_NAME)
        write_atomically(path, json.dumps(states, indent=1))
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write {path}: {error.strerror}", "The next night will report tonight's new causes again."
        ) from error


def _path(home: Home) -> Path:
    return home.state / "nightly" / "reported.json"
