"""What the log of a failed job says: which tests failed, or that the infrastructure did. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.sanitise import clean
from bisect_tool.sources.infrastructure import infrastructure_line, ran_out_of_memory
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bisect_tool.sources.observation import CellKey, Observation

_RED = frozenset({State.FAILED, State.INFRASTRUCTURE})


def with_log(job: Observation, text: str) -> tuple[Observation, ...]:
    """The job as its log explains it, and each test that failed in it.

    A job that passed, or did not run, is as it was. One that was killed failed if the log shows failed
    tests or that memory ran out.
    """
    if job.state not in _RED:
        return (job,)
    lines = clean(text).split("\n")
    if infrastructure_line(lines):
        return (replace(job, state=State.INFRASTRUCTURE),)
    found = explain_log(LogLine(job.log, 0.0, line, number) for number, line in enumerate(lines, 1))
    tests = [each for each in found if each.test]
    if job.state is State.INFRASTRUCTURE and not tests and not ran_out_of_memory(lines):
        return (job,)
    exception = found[0].failure.signature.exception if found else ""
    whole = replace(job, state=State.FAILED, exception=exception)
    return (
        whole,
        *(
            replace(
                whole,
                key=replace(job.key, cell=each.test),
                exception=each.failure.signature.exception,
            )
            for each in tests
        ),
    )


def with_logs(jobs: Iterable[Observation], read: Callable[[str], str]) -> tuple[Observation, ...]:
    """The jobs as their logs explain them, their failed tests, and the passes that follow for these.

    `read` returns the text of a log; only logs of jobs that failed are read.
    """
    found = [
        each
        for job in jobs
        for each in (with_log(job, read(job.log)) if job.log and job.state in _RED else (job,))
    ]
    return (*found, *_implied_passes(found))


def _implied_passes(found: Sequence[Observation]) -> Iterator[Observation]:
    """The passes of tests that failed elsewhere, in each run of their job that passed.

    Logs of failed jobs name failed tests only. Whether a test was there already, its job does not say: of
    one that is new, a bisection names the commit that added it.
    """
    tests: defaultdict[CellKey, set[str]] = defaultdict(set)
    for each in found:
        if each.key.cell:
            tests[replace(each.key, cell="")].add(each.key.cell)
    for job in found:
        if job.state is State.PASSED:
            for test in sorted(tests.get(job.key, ())):
                yield replace(job, key=replace(job.key, cell=test))
