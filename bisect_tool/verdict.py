"""Outcomes of a cell in a trial, and the verdicts (good, bad, skip) that follow for a commit."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The raw result of a cell in a trial."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    HUNG = "hung"
    SKIPPED = "skipped"
    UNBUILDABLE = "unbuildable"
    INFRASTRUCTURE = "infrastructure"


RED = (Outcome.FAILED, Outcome.HUNG)
"""The outcomes that count as a failure of the tests."""

CONCLUSIVE = (Outcome.PASSED, *RED)
"""The outcomes that say something about the commit."""

WORST_FIRST = (
    Outcome.INFRASTRUCTURE,
    Outcome.UNBUILDABLE,
    Outcome.HUNG,
    Outcome.FAILED,
    Outcome.ERRORED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)
"""All outcomes: the first that any cell of a trial has is the outcome of the trial."""


class Verdict(StrEnum):
    """What an outcome says about a commit, given the signature that is investigated."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"
