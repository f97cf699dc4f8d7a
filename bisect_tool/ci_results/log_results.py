"""Read failed and passed tests, and infrastructure failures, from the log of a failed job. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.infrastructure import infrastructure_line, ran_out_of_memory, was_killed
from bisect_tool.ci_results.job_results import JobResults
from bisect_tool.ci_results.observation import State
from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.evidence.passed_tests import passed_tests, skipped_tests
from bisect_tool.sanitise import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.evidence import LogFailure

RED = frozenset({State.FAILED, State.INFRASTRUCTURE})
"""Logs are read of jobs in these states."""


@dataclass(frozen=True)
class ExplainedJob:
    """A job with what its log shows: failures, most severe first, and passed and skipped tests."""

    job: Observation
    failures: tuple[LogFailure, ...] = ()
    passed: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()


def explained(job: Observation, text: str) -> ExplainedJob:
    """Return the job with what its log shows.

    A job that did not fail is unchanged. A killed job counts as failed if its log shows failed tests or an
    out-of-memory error.
    """
    lines = clean(text).split("\n")
    if job.state not in RED:
        return ExplainedJob(job, passed=passed_tests(lines), skipped=skipped_tests(lines))
    if infrastructure_line(lines):
        return ExplainedJob(replace(job, state=State.INFRASTRUCTURE))
    found = explain_log(LogLine(job.log, 0.0, line, number) for number, line in enumerate(lines, 1))
    failed = {each.test for each in found if each.test}
    killed = job.state is State.INFRASTRUCTURE or was_killed(lines)
    if killed and not failed and not ran_out_of_memory(lines):
        return ExplainedJob(replace(job, state=State.INFRASTRUCTURE))
    first = found[0].failure if found else None
    exception = first.signature.exception if first else ""
    whole = replace(job, state=State.FAILED, exception=exception, failure=first)
    return ExplainedJob(whole, found, passed_tests(lines) - failed, skipped_tests(lines) - failed)


def from_log(job: Observation, text: str) -> JobResults:
    """Return the job with the failed and passed tests of its log, if it failed."""
    if job.state not in RED:
        return JobResults(job)
    found = explained(job, text)
    failures = {each.test: each.failure for each in found.failures if each.test}
    failed = {test: failure.signature.exception for test, failure in failures.items()}
    return JobResults(found.job, failed, found.passed, failures=failures)


def with_logs(jobs: Iterable[Observation], read: Callable[[str], str]) -> Iterator[JobResults]:
    """Yield the jobs with the results of their logs.

    `read` returns the text of a log; only logs of failed jobs are read.
    """
    for job in jobs:
        is_read = job.log and job.state in RED
        yield from_log(job, read(job.log)) if is_read else JobResults(job)
