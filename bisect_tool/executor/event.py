"""What a trial in a slot tells while it runs, and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.trial.result import TrialResult


@dataclass(frozen=True)
class Entered:
    """The trial in a slot entered a phase; its logs lie in `folder`."""

    slot: int
    phase: str
    folder: Path


@dataclass(frozen=True)
class Yielded:
    """The trial in a slot is over, and the slot is free."""

    slot: int
    result: TrialResult


@dataclass(frozen=True)
class Failed:
    """The trial in a slot could not be run to its end, and the slot is free."""

    slot: int
    error: BaseException


@dataclass(frozen=True)
class Noted:
    """Something went wrong that no trial ends for."""

    sentence: str


@dataclass(frozen=True)
class Waits:
    """A trial needs what another run holds, which `sentence` names."""

    sentence: str


Event: TypeAlias = Entered | Yielded | Failed | Noted | Waits
