"""The reasons of decisions: stable names, each with a sentence for the report."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

WALK_LIMIT: Final = 1024
"""How many commits back a pass is searched: in at most eleven steps, each twice as far as the one before."""


class Reason(StrEnum):
    """A reason, which is its name; `sentence` explains it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Create a member from its name and sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    # Bisect
    REGRESSION = "regression", "It passed, and has failed since, more often than chance explains."
    OTHER_REGRESSION = (
        "other regression",
        "It fails differently than when it was bisected, at several commits: a second regression.",
    )
    NEVER_GREEN = (
        "never green",
        f"No commit is known at which it passed; the {WALK_LIMIT} before it are searched.",
    )
    REPEATED = (
        "repeated",
        "A bisection of its range found no culprit, and it still fails: it is bisected again.",
    )

    # Rerun
    FIRST_FAILURE = "first failure", "It failed once; a rerun tells a flaky failure from a regression."
    TOO_FEW_FAILURES = "too few failures", "It failed too few times to rule out chance."
    TOO_FEW_PASSES = "too few passes", "It passed too few times to trust the good end."
    NO_PASS_SINCE = (
        "no pass since",
        "It has not passed since it first failed: the machines may be the cause.",
    )
    ONE_AGENT = (
        "one agent",
        "Half or more of its failures ran on one agent; other agents have to confirm it.",
    )
    REVERTED = (
        "reverted",
        "It fails although its culprit was reverted; a run of the revert shows what is new.",
    )
    SAME_CAUSE = "same cause", "It fails like a cell whose culprit is known; two runs show if it is the same."

    # Wait
    PENDING = "pending", "Results that decide it are still running."
    INFRASTRUCTURE = "infrastructure", "The infrastructure failed; there is no result at the newest commit."
    RERUN_LIMIT = "rerun limit", "It was rerun as often as allowed; the next build has to show more."
    ENVIRONMENT = (
        "environment",
        "The last green commit now fails too: something outside the code changed.",
    )
    BISECTING = "bisecting", "A bisection of its range is running."
    UNFINISHED = "unfinished", "A bisection of its range stopped before its end; the next night resumes it."
    OVERLAP = "overlap", "A bisection of the same failure in an overlapping range starts tonight."
    NEW_TEST = "new test", "It is new and failed at one commit; a second one shows if it was born red."

    # Nothing
    GREEN = "green", "It passes."
    NO_RESULT = "no result", "It has no result."
    GONE = "no longer run", "It is no longer run: its job passed other tests at three newer commits."
    FLAKY = "flaky", "It passes and fails at the same commit."
    SICK_AGENT = "sick agent", "It fails on one agent only, and passes on others."
    PASSED_AGAIN = "passed again", "It failed too few times to call it a regression, and passes again."
    FIXED = "fixed", "It failed, and passes at the newest commit."
    STILL_RED = "still red", "Its culprit is already known."
    OTHER_FAILURE = (
        "other failure",
        "It fails differently than when it was bisected.",
    )
    BISECTED = "bisected", "Its range was already bisected; several candidates remain."
    NO_CULPRIT = (
        "no culprit",
        "A bisection of its range found no culprit; it is repeated after two more red nights.",
    )
    GIVEN_UP = (
        "given up",
        "Three bisections found no culprit: run its first red and last green commit with `repro --compare`.",
    )
    BORN_RED = "born red", "It is new and never passed."
    NO_PASS_FOUND = (
        "no pass found",
        f"No commit was found at which it passes, up to {WALK_LIMIT} before its first failure.",
    )
    NO_PASS_KNOWN = "no pass known", "No commit is known at which it passed."
