"""Turn an ended job into the result of a trial, from its log and its reports. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.log_results import explained
from bisect_tool.ci_results.observation import CONCLUSIVE, State
from bisect_tool.evidence import LogLine, command_failure, signatures
from bisect_tool.evidence.no_tests import no_test_ran
from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.executor.ci.job_tests import job_tests
from bisect_tool.executor.ci.jobs import is_named
from bisect_tool.sanitise import clean, clean_line
from bisect_tool.trial.result import CellResult, CiJob, TrialResult, overall
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from bisect_tool.evidence import Failure, Signature
    from bisect_tool.executor.ci.job_tests import JobTests
    from bisect_tool.executor.ci.jobs import Attempt

UNNAMED = "the job has no result for it"
SKIPPED = "the job skipped it"
NO_LOG = "the job failed, and neither a log nor a report shows how"
_PRINTED_KEPT = 200
_REASON_LIMIT = 300
_LINES_READ, _LINE_LIMIT = 10_000, 500
_FAILED_CODE = 1


def trial_result(  # noqa: PLR0913 - an attempt, its log, and what the session knows of both
    attempt: Attempt,
    log: str,
    service: str,
    asked: Sequence[str] = (),
    patterns: Sequence[str] = (),
    *,
    reports: Sequence[bytes] = (),
    started: bool = False,
) -> TrialResult:
    """Return the result of an attempt: an outcome for each failed test, and for the requested cells.

    In a passed job, every cell passed that was not skipped; without requested cells, the whole trial passed.
    In a failed job, a cell that neither log nor report names has no result; without both, the job has none.

    Args:
        attempt: an ended attempt.
        log: the text of its log.
        service: the name of the service.
        asked: the requested cells.
        patterns: patterns of the tests that are cells; empty for all.
        reports: its JUnit XML files.
        started: whether we started it; otherwise it cost us nothing.
    """
    found = explained(attempt.job, log)
    job, state = attempt.job, found.job.state
    tests = job_tests(found, reports, asked)
    cells = _cells(replace(attempt, job=found.job), tests, log, asked, patterns)
    seconds = (job.finished - job.started).total_seconds() if job.finished and job.started else 0.0
    outcome, reason = Outcome.PASSED, ""
    if state is State.FAILED:
        outcome = overall(cells)
    elif state is not State.PASSED:
        outcome = Outcome.INFRASTRUCTURE
        reason = clean_line(f"the job gave no result: {attempt.reason or state}", _REASON_LIMIT)
    if state is State.FAILED and not log.strip() and not tests.failures:
        cells, outcome, reason = (), Outcome.INFRASTRUCTURE, NO_LOG
    return TrialResult(
        sha=job.commit,
        cells=cells,
        outcome=outcome,
        started=job.started.isoformat(timespec="milliseconds") if started and job.started else "",
        seconds=max(seconds, 0.0) if started else 0.0,
        gpus=attempt.gpus,
        reason=reason,
        whole=True,
        printed=_printed(log) if state is State.PASSED else (),
        where=attempt.url or f"{service} job {attempt.id}",
        job=CiJob(attempt=attempt.id, started=started),
    )


def no_result(sha: str, outcome: Outcome, reason: str) -> TrialResult:
    """Return the result of a trial without a job."""
    text = clean_line(reason, _REASON_LIMIT)
    return TrialResult(sha=sha, cells=(), outcome=outcome, started="", seconds=0.0, reason=text, whole=True)


def _cells(
    attempt: Attempt, tests: JobTests, log: str, asked: Sequence[str], patterns: Sequence[str]
) -> tuple[CellResult, ...]:
    """Return the failed tests, then the requested cells.

    Other passed tests are not cells: verifying that they pass would take more runs.
    """
    state = attempt.job.state
    if state not in CONCLUSIVE:
        return ()
    red = _failed(attempt, tests, log) if state is State.FAILED else ()
    no_tests_line = "" if state is State.FAILED or tests.passed else _no_test_ran(log)
    chosen = tuple(each for each in red if _is_chosen(each.cell, patterns))
    known = {each.cell for each in chosen}
    return (*chosen, *(_asked(name, tests, state, no_tests_line) for name in asked if name not in known))


def _asked(name: str, tests: JobTests, state: State, no_tests_line: str) -> CellResult:
    """Return the result of a cell that did not fail: passed, skipped, or unknown in a failed job.

    `no_tests_line` is the message of a passed job that ran no test.
    """
    if name in tests.skipped:
        return CellResult(cell=name, outcome=Outcome.SKIPPED, reason=SKIPPED)
    if state is State.PASSED or name in tests.passed:
        return CellResult(cell=name, outcome=Outcome.PASSED, no_tests=no_tests_line)
    return CellResult(cell=name, outcome=Outcome.ERRORED, reason=UNNAMED)


def _failed(attempt: Attempt, tests: JobTests, log: str) -> tuple[CellResult, ...]:
    """Return the failed tests; without any, the whole job is the cell."""
    failures = {each.test: each.failure for each in tests.failures if each.test}
    if failures:
        return tuple(
            CellResult(cell=test, outcome=Outcome.FAILED, failure=failure)
            for test, failure in failures.items()
        )
    outcome = Outcome.HUNG if attempt.timed_out else Outcome.FAILED
    failure = tests.failures[0].failure if tests.failures else _of_output(log)
    return (CellResult(cell=attempt.job.key.job, outcome=outcome, failure=failure),)


def _of_output(log: str) -> Failure:
    lines = tuple(clean_line(line, _LINE_LIMIT) for line in _last_lines(log))
    return command_failure(lines, _FAILED_CODE, 0.0, "log")


def _no_test_ran(log: str) -> str:
    """Return the line with which the runner of a job says that it ran no test; empty if it ran one."""
    lines = (clean_line(line[collector_prefix(line).end :], _LINE_LIMIT) for line in _last_lines(log))
    return clean_line(no_test_ran(lines), _REASON_LIMIT)


def _last_lines(log: str) -> Sequence[str]:
    return clean(log).split("\n")[-_LINES_READ:]


def _is_chosen(cell: str, patterns: Collection[str]) -> bool:
    return not patterns or any(is_named(cell, pattern) for pattern in patterns)


def _printed(log: str) -> tuple[Signature, ...]:
    """Return the error signatures that a passing job prints, which do not explain failures."""
    return tuple(sorted(signatures(_lines(log)), key=str))[:_PRINTED_KEPT]


def _lines(log: str) -> Iterable[LogLine]:
    return (LogLine("log", 0.0, line, number) for number, line in enumerate(clean(log).split("\n"), 1))
