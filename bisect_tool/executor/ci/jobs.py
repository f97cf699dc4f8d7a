"""The attempts of one CI job at one commit. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.executor.ci.call import Call

_NAMES_SHOWN = 10
_GPUS = (
    re.compile(r"\bgpus?(?:[_-]?count)?[=_-](\d+)(?:\b|_)", re.IGNORECASE),
    re.compile(r"\b(\d+)[-_]gpus?(?:\b|_)", re.IGNORECASE),
)


class Stage(Enum):
    """The stage of an attempt."""

    BLOCKED = auto()
    WAITING = auto()
    RUNNING = auto()
    ENDED = auto()


@dataclass(frozen=True)
class Attempt:
    """One attempt of the job.

    Attributes:
        job: its result as an observation; its `log` is the URL of the log.
        again: the call that retries or unblocks it; None if that is not possible now.
        timed_out: whether it reached its time limit.
        reason: the service's name for its end.
        gpus: the number of GPUs of its machine, from the machine's labels.
        gates: ids of the steps that block it, if there are several.
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
        """Its id at the service."""
        return self.job.attempt


@dataclass(frozen=True)
class CommitJobs:
    """The attempts of the job at a commit, oldest first, or the reason why there are none.

    `is_pending`: a build or run has started and may list the job later. `is_unfinished`: one continues
    after the job has ended, which can be rerun afterwards. `without` are the builds or runs that ended
    without the job. `start` is the call that starts a build or run; None if that is not permitted. `builds`
    are the numbers of the builds that were not canceled, which increase; empty where a service has none.
    `newest` is the newest run that was dispatched for any commit; empty where runs say their commit.
    """

    attempts: tuple[Attempt, ...] = ()
    missing: str = ""
    is_pending: bool = False
    is_unfinished: bool = False
    without: tuple[str, ...] = ()
    start: Call | None = None
    builds: tuple[str, ...] = ()
    newest: str = ""

    def attempt(self, name: str) -> Attempt | None:
        """Return the attempt with this id, or None."""
        return next((each for each in self.attempts if each.id == name), None)

    def of(self, build: str) -> CommitJobs:
        """Return those of one build or run only; of all if it is empty."""
        if not build:
            return self
        return replace(self, attempts=tuple(each for each in self.attempts if each.job.build == build))


def is_named(label: str, pattern: str) -> bool:
    """Whether a job's label matches a pattern; only `*` and `?` are wildcards."""
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, label) is not None


def the_label(labels: Iterable[str], pattern: str) -> str:
    """Return the label that a pattern matches; empty if it matches none.

    Raises:
        UsageError: it matches several.
    """
    found = sorted({label for label in labels if is_named(label, pattern)})
    if len(found) > 1:
        names = ", ".join(clean_line(name, 100) for name in found[:_NAMES_SHOWN])
        raise UsageError(
            f"--job {clean_line(pattern, 100)} matches {len(found)} jobs: {names}",
            "Use a pattern that matches only one.",
        )
    return found[0] if found else ""


def require_one(names: Iterable[str], where: str) -> None:
    """Raise UsageError if jobs of one build have the same name: their results cannot be distinguished."""
    name, number = next(iter(Counter(names).most_common(1)), ("", 0))
    if number > 1:
        raise UsageError(
            f"{number} jobs of {where} have the name {clean_line(name, 150)}",
            "Their results cannot be distinguished: give each its own name, such as one with matrix values.",
        )


def missing_job(labels: Iterable[str], pattern: str, where: str) -> str:
    """Return the reason why there is no such job, with the names of existing jobs."""
    names = sorted(set(labels))
    shown = ", ".join(clean_line(name, 100) for name in names[:_NAMES_SHOWN]) or "none"
    return f"no job of {where} matches {clean_line(pattern, 100)} (jobs: {shown})"


def gpu_count(labels: Iterable[str]) -> int:
    """Return the number of GPUs of a machine by its labels; 0 if unknown."""
    for label in labels:
        for pattern in _GPUS:
            if found := pattern.search(label):
                return int(found[1])
    return 0
