"""What a CI service knows of one job at one commit. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.executor.ci.call import Call
    from bisect_tool.sources.observation import Observation

_NAMES_SHOWN = 10
_GPUS = (
    re.compile(r"\bgpus?(?:[_-]?count)?[=_-](\d+)(?:\b|_)", re.IGNORECASE),
    re.compile(r"\b(\d+)[-_]gpus?(?:\b|_)", re.IGNORECASE),
)


class Stage(Enum):
    """How far an attempt is."""

    BLOCKED = auto()
    WAITING = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(frozen=True)
class Attempt:
    """One attempt of the job.

    Attributes:
        job: how it ended, as observations have it; its `log` is the address of the log.
        again: the call that runs it again, or that unblocks it; None if the service would not do so now.
        timed_out: whether it was ended for its time limit.
        reason: how the service calls its end.
        gpus: how many GPUs its machine has, as far as the machine's labels say.
        gates: ids of the steps that block it, of which one has to be named.
    """

    job: Observation
    stage: Stage
    url: str = ""
    again: Call | None = None
    timed_out: bool = False
    reason: str = ""
    gpus: int = 0
    gates: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What identifies it."""
        return self.job.attempt


@dataclass(frozen=True)
class CommitJobs:
    """The attempts of the job at a commit, the oldest first, and why there are none.

    `is_pending`: a build or run has begun of which no job is listed yet. `is_unfinished`: one goes on after
    its job has ended, which can be run again afterwards. `start` is the call that starts a build or run; None
    where that is not permitted.
    """

    attempts: tuple[Attempt, ...] = ()
    missing: str = ""
    is_pending: bool = False
    is_unfinished: bool = False
    start: Call | None = None

    def attempt(self, name: str) -> Attempt | None:
        """The attempt with this id."""
        return next((each for each in self.attempts if each.id == name), None)


def is_named(label: str, pattern: str) -> bool:
    """Whether a job's label matches a pattern, in which only `*` and `?` are wild."""
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, label) is not None


def the_label(labels: Iterable[str], pattern: str) -> str:
    """The label that a pattern matches; empty if it matches none.

    Raises:
        UsageError: it matches several.
    """
    found = sorted({label for label in labels if is_named(label, pattern)})
    if len(found) > 1:
        names = ", ".join(clean_line(name, 100) for name in found[:_NAMES_SHOWN])
        raise UsageError(f"--job {clean_line(pattern, 100)} matches {len(found)} jobs: {names}", "Name one.")
    return found[0] if found else ""


def missing_job(labels: Iterable[str], pattern: str, where: str) -> str:
    """The reason why there is no such job, with the names of those there are."""
    names = sorted(set(labels))
    shown = ", ".join(clean_line(name, 100) for name in names[:_NAMES_SHOWN]) or "none"
    return f"no job of {where} matches {clean_line(pattern, 100)} (jobs: {shown})"


def gpu_count(labels: Iterable[str]) -> int:
    """How many GPUs a machine has, by its labels; 0 if they do not say."""
    for label in labels:
        for pattern in _GPUS:
            if found := pattern.search(label):
                return int(found[1])
    return 0
