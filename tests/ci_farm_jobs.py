"""The builds and jobs of a simulated farm, on a logical clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ci_job_output import CANCELED

if TYPE_CHECKING:
    from ci_job_output import Ending

BEGAN = datetime(2026, 3, 6, 10, tzinfo=UTC)
RUN_S = 30.0
JOB = "Distributed Tests (4 GPUs)"


@dataclass
class FarmJob:
    """A job on a logical clock: it ages by one with each listing."""

    id: int
    sha: str
    ending: Ending
    queue: int = 1
    runs: int = 1
    age: int = 0
    blocked: bool = False
    retried: bool = False
    attempt: int = 1
    gone: bool = False

    @property
    def stage(self):
        if self.blocked:
            return "blocked"
        if self.age < self.queue:
            return "scheduled"
        return "running" if self.age < self.queue + self.runs else self.ending.state

    @property
    def has_ended(self):
        return self.stage == self.ending.state

    @property
    def times(self):
        """When it started and finished."""
        started = BEGAN + timedelta(minutes=self.id)
        return started, started + timedelta(seconds=RUN_S) if self.has_ended else None

    @property
    def log(self):
        lines = self.ending.log.splitlines(keepends=True)
        return self.ending.log if self.has_ended else "".join(lines[: self.age])

    def listed(self):
        self.age += not self.blocked

    def enter(self):
        """Enter the queue."""
        self.blocked = False

    def cancel(self):
        self.ending, self.age = CANCELED, 1000


@dataclass
class FarmBuild:
    number: int
    sha: str
    jobs: list = field(default_factory=list)
    gate: int = 0
    branch: str = "main"
    env: dict = field(default_factory=dict)
    title: str = ""
    event: str = "schedule"
    head: str = ""
    other: str = "Entrypoints Test"
    uploads: int = 0
    lacks: bool = False
    is_canceled: bool = False
    actor: str = "us"
    rebuilt_from: dict | None = None
    annotations: dict = field(default_factory=dict)


def stamps(job):
    """When a job started and finished, as text."""
    return [each and each.isoformat() for each in job.times]
