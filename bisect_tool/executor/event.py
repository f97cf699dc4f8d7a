"""Events of a trial in a slot, while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.trial.result import TrialResult


@dataclass(frozen=True)
class Entered:
    """The trial in a slot entered a phase; its logs are in `folder`."""

    slot: int
    phase: str
    folder: Path


@dataclass(frozen=True)
class Yielded:
    """The trial in a slot has ended, and the slot is free."""

    slot: int
    result: TrialResult


@dataclass(frozen=True)
class Failed:
    """The trial in a slot raised an error, and the slot is free."""

    slot: int
    error: BaseException


@dataclass(frozen=True)
class Noted:
    """A problem that ends no trial, as a sentence."""

    sentence: str


@dataclass(frozen=True)
class Waits:
    """A trial waits for a resource that another run holds; `sentence` names it."""

    sentence: str


Event: TypeAlias = Entered | Yielded | Failed | Noted | Waits
