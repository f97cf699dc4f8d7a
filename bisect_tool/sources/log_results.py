"""What the log of a failed job says: which tests failed or passed, or that the infrastructure did. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.evidence.passed_tests import passed_tests
from bisect_tool.sanitise import clean
from bisect_tool.sources.infrastructure import infrastructure_line, ran_out_of_memory
from bisect_tool.sources.job_results import JobResults
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bisect_tool.sources.observation import Observation

RED = frozenset({State.FAILED, State.INFRASTRUCTURE})
"""The states of jobs whose logs are read."""


def from_log(job: Observation, text: str) -> JobResults:
    """The job as its log explains it, with its failed tests, and the tests that the log lists as passed.

    A job that passed, or did not run, is as it was. One that was killed failed if the log shows failed
    tests or that memory ran out.
    """
    if job.state not in RED:
        return JobResults(job)
    lines = clean(text).split("\n")
    if infrastructure_line(lines):
        return JobResults(replace(job, state=State.INFRASTRUCTURE))
    found = explain_log(LogLine(job.log, 0.0, line, number) for number, line in enumerate(lines, 1))
    failed = {each.test: each.failure.signature.exception for each in found if each.test}
    if job.state is State.INFRASTRUCTURE and not failed and not ran_out_of_memory(lines):
        return JobResults(job)
    exception = found[0].failure.signature.exception if found else ""
    whole = replace(job, state=State.FAILED, exception=exception)
    return JobResults(whole, failed, passed_tests(lines) - failed.keys())


def with_logs(jobs: Iterable[Observation], read: Callable[[str], str]) -> Iterator[JobResults]:
    """The jobs as their logs explain them.

    `read` returns the text of a log; only logs of jobs that failed are read.
    """
    for job in jobs:
        is_read = job.log and job.state in RED
        yield from_log(job, read(job.log)) if is_read else JobResults(job)
