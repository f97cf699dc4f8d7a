"""One result that we did not run: the outcome of a cell in a CI job at a commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bisect_tool.evidence import Failure


class State(StrEnum):
    """The outcome of a cell in an attempt; only passed and failed say something about the commit."""

    PASSED = "passed"
    FAILED = "failed"
    INFRASTRUCTURE = "infrastructure"
    PENDING = "pending"
    MISSING = "missing"


CONCLUSIVE = frozenset({State.PASSED, State.FAILED})


@dataclass(frozen=True, slots=True, order=True)
class CellKey:
    """Identifies what is compared over time: one test of one job of a series, in one environment.

    Attributes:
        series: the builds that are comparable, such as `engine/ci nightly`.
        job: name of the job.
        shard: index of a parallel job, or empty.
        cell: node id of the test, or empty for the job as a whole.
        environment: anything else that must be equal (image, hardware, pinned dependencies), or empty.
    """

    series: str
    job: str
    shard: str = ""
    cell: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One attempt of one cell at one commit.

    Attributes:
        commit: full commit id.
        build: the build or run it belongs to; with `attempt` it identifies the attempt.
        attempt: the service's name of the attempt in this build.
        host: the machine that ran it, or empty.
        started: with time zone, or None if it is unknown; so is `finished`.
        log: where the log is: a URL or a path, or empty.
        exception: class of the exception that failed the test, empty if unknown.
        failure: the failure with its chain, if the log shows it; for reports, not for decisions.
    """

    key: CellKey
    commit: str
    build: str
    attempt: str
    state: State
    host: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    log: str = ""
    exception: str = ""
    failure: Failure | None = field(default=None, compare=False, repr=False)
