"""The reasons of decisions: stable names, each with a sentence for the report."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

from bisect_tool.nightly_rules.cell_status import CellStatus

WALK_LIMIT: Final = 1024
"""How many commits back a pass is searched: in at most eleven steps, each twice as far as the one before."""


class Reason(StrEnum):
    """A reason, which is its name; `sentence` explains it, `status` is what reports call such a cell."""

    sentence: str
    status: CellStatus

    def __new__(cls, value: str, sentence: str, status: CellStatus = CellStatus.UNDECIDED) -> Self:
        """Create a member from its name, sentence and status."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.status = status
        return member

    # Bisect
    REGRESSION = (
        "regression",
        "It passed, and has failed since, more often than chance explains.",
        CellStatus.NEW,
    )
    OTHER_REGRESSION = (
        "other regression",
        "It fails differently than when it was bisected, at several commits: a second regression.",
        CellStatus.NEW,
    )
    NEVER_GREEN = (
        "never green",
        f"No passing commit is known; the {WALK_LIMIT} commits before its first failure are searched.",
        CellStatus.STILL_RED,
    )
    REPEATED = (
        "repeated",
        "A bisection of its range found no culprit, and it still fails: it is bisected again.",
        CellStatus.STILL_RED,
    )

    # Rerun
    FIRST_FAILURE = "first failure", "It failed once; a rerun shows whether it is flaky."
    TOO_FEW_FAILURES = "too few failures", "It failed too few times to rule out chance."
    TOO_FEW_PASSES = "too few passes", "It passed too few times to trust the good end."
    NO_PASS_SINCE = (
        "no pass since",
        "It has not passed since it first failed: the machines may be the cause.",
    )
    ONE_AGENT = (
        "one agent",
        "At least half of its failures were on one agent; other agents have to confirm them.",
    )
    REVERTED = (
        "reverted",
        "It fails although its culprit was reverted; a run of the revert shows whether the cause is new.",
    )
    SAME_CAUSE = (
        "same cause",
        "It fails like a cell whose culprit is known; two runs show whether that is the cause.",
    )

    # Wait
    PENDING = "pending", "The runs that decide it have not finished."
    INFRASTRUCTURE = (
        "infrastructure",
        "The infrastructure failed; there is no result at the newest commit.",
        CellStatus.INFRASTRUCTURE,
    )
    RERUN_LIMIT = "rerun limit", "It was rerun as often as allowed; the next build decides."
    ENVIRONMENT = (
        "environment",
        "The last green commit now fails too: something outside the code changed.",
        CellStatus.INFRASTRUCTURE,
    )
    BISECTING = "bisecting", "A bisection of its range is running."
    UNFINISHED = "unfinished", "A bisection of its range was interrupted; the next night resumes it."
    OVERLAP = "overlap", "A bisection of the same failure in an overlapping range starts tonight."
    NEW_TEST = "new test", "It is new and failed at one commit; a second commit has to confirm it."

    # Nothing
    GREEN = "green", "It passes.", CellStatus.GREEN
    NO_RESULT = "no result", "It has no result."
    GONE = (
        "no longer run",
        "It is no longer run: other tests of its job passed at three newer commits.",
        CellStatus.MISSING,
    )
    FLAKY = "flaky", "It passes and fails at the same commit.", CellStatus.FLAKY
    SICK_AGENT = "sick agent", "It fails on one agent only, and passes on others.", CellStatus.INFRASTRUCTURE
    PASSED_AGAIN = (
        "passed again",
        "It failed too few times to call it a regression, and passes again.",
        CellStatus.GREEN,
    )
    FIXED = "fixed", "It failed, and passes at the newest commit.", CellStatus.FIXED
    STILL_RED = "still red", "Its culprit is already known.", CellStatus.STILL_RED
    OTHER_FAILURE = (
        "other failure",
        "It fails differently than when it was bisected.",
        CellStatus.STILL_RED,
    )
    BISECTED = "bisected", "Its range was already bisected; several candidates remain.", CellStatus.STILL_RED
    NO_CULPRIT = (
        "no culprit",
        "A bisection of its range found no culprit; it is repeated after two more red nights.",
        CellStatus.STILL_RED,
    )
    GIVEN_UP = (
        "given up",
        "Three bisections found no culprit: run `repro --compare` on its first red and last green commit.",
        CellStatus.STILL_RED,
    )
    BORN_RED = "born red", "It is new and has never passed.", CellStatus.BORN_RED
    NO_PASS_FOUND = (
        "no pass found",
        f"No passing commit was found among the {WALK_LIMIT} before its first failure.",
        CellStatus.STILL_RED,
    )
    NO_PASS_KNOWN = "no pass known", "No passing commit is known.", CellStatus.STILL_RED
