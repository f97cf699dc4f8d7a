"""The status of a cell in a night, by which reports group the cells."""

from __future__ import annotations

from enum import StrEnum


class CellStatus(StrEnum):
    """The status of a cell tonight; `undecided` if more has to be known first."""

    GREEN = "green"
    NEW = "new"
    STILL_RED = "still red"
    FLAKY = "flaky"
    INFRASTRUCTURE = "infrastructure"
    FIXED = "fixed"
    BORN_RED = "born red"
    MISSING = "missing"
    UNDECIDED = "undecided"
