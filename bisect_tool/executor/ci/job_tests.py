"""Read the tests of an ended job from its log and its JUnit reports. Pure."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.job_reports import files_of, node_id
from bisect_tool.ci_results.junit_failures import explained_cases
from bisect_tool.ci_results.junit_report import read_report
from bisect_tool.ci_results.observation import State
from bisect_tool.log_input.junit import FailedCase, NotJunit, failed_cases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bisect_tool.ci_results.junit_report import TestResult
    from bisect_tool.ci_results.log_results import ExplainedJob
    from bisect_tool.evidence import LogFailure

_log = logging.getLogger("bisect_run.executor")


@dataclass(frozen=True)
class JobTests:
    """The failures of a job, most severe first, and its passed and skipped tests."""

    failures: tuple[LogFailure, ...] = ()
    passed: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()


def job_tests(found: ExplainedJob, reports: Sequence[bytes], named: Iterable[str] = ()) -> JobTests:
    """Return the tests of a job; its log takes precedence over its reports.

    Args:
        found: the job with the results of its log.
        reports: JUnit XML; invalid reports are ignored.
        named: tests of other runs of the job, which map modules to files.
    """
    results, cases = _read(reports)
    known = {each.test for each in found.failures if each.test}
    files = files_of((*known, *found.passed, *found.skipped, *named, *(case.name for case in cases)))
    added = (replace(each, test=node_id(each.test, files)) for each in explained_cases(cases))
    failures = (*found.failures, *(each for each in added if each.test and each.test not in known))
    failed = {each.test for each in failures}
    states = {node_id(each.name, files): each.state for each in results}
    passed = found.passed | {name for name, state in states.items() if state is State.PASSED} - failed
    reported = {name for name, state in states.items() if state is State.MISSING}
    return JobTests(failures, passed, (found.skipped | reported) - passed - failed)


def _read(reports: Iterable[bytes]) -> tuple[list[TestResult], list[FailedCase]]:
    """Return the tests of all reports, and the output of failed ones."""
    results: list[TestResult] = []
    cases: list[FailedCase] = []
    for content in reports:
        try:
            results += read_report(content).results
            cases += failed_cases(io.BytesIO(content))
        except NotJunit as error:
            _log.info("a report is ignored: %s", error)
    return results, [case for case in cases if case.name]
