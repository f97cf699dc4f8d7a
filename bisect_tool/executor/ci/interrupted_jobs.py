"""Cancel the jobs that an interrupted session started, or leave them running."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError
from bisect_tool.executor.ci.journal import Record
from bisect_tool.format import count, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bisect_tool.executor.ci.jobs import Attempt
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.executor.ci.service import JobService

CANCELED, GOES_ON = "cancelled", "left running"


@dataclass(frozen=True)
class StartedJob:
    """A job that was started for a commit; its attempt is None until the service lists it."""

    sha: str
    attempt: Attempt | None = None

    def __str__(self) -> str:
        if self.attempt is None:
            return f"the job for {short(self.sha)}"
        return self.attempt.url or self.attempt.id


@dataclass(frozen=True)
class AbandonedJob:
    """The fate of a job, and the reason if it could not be canceled."""

    job: StartedJob
    became: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.became}{f' ({self.reason})' if self.reason else ''}: {self.job}"


def interrupted(
    jobs: Sequence[StartedJob], service: JobService, journal: Journal, agreed: Callable[[str], bool]
) -> tuple[AbandonedJob, ...]:
    """Cancel the jobs if that is possible and agreed; returns the fate of each.

    `agreed` answers whether to cancel them; it is called once, and only if some can be canceled.
    """
    lasting = [AbandonedJob(each, GOES_ON, _obstacle(each, service)) for each in jobs]
    possible = sum(not each.reason for each in lasting)
    if not possible or not agreed(_question(possible)):
        return tuple(lasting)
    return tuple(each if each.reason else _canceled(each.job, service, journal) for each in lasting)


def summary(outcomes: Sequence[AbandonedJob]) -> str:
    """Summarise the fate of all jobs: `1 job cancelled, 2 jobs left running`; empty without jobs."""
    became = Counter(each.became for each in outcomes)
    return ", ".join(f"{count(number, 'job')} {what}" for what, number in sorted(became.items()))


def _question(number: int) -> str:
    return f"Cancel the {'job' if number == 1 else f'{number} jobs'} that this session started?"


def _obstacle(job: StartedJob, service: JobService) -> str:
    """Return why a job cannot be canceled; empty if it can."""
    return service.why_not_canceled(job.attempt) if job.attempt else f"{service.name} does not list it yet"


def _canceled(job: StartedJob, service: JobService, journal: Journal) -> AbandonedJob:
    assert job.attempt is not None
    try:
        service.cancel(job.attempt.job.build)
    except BisectError as error:
        return AbandonedJob(job, GOES_ON, error.message)
    journal.add(Record(job.sha, canceled=job.attempt.id))
    return AbandonedJob(job, CANCELED)
