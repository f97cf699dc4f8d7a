"""How the failed tests of JUnit reports failed, as far as their text says so. Pure."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING, Final

from bisect_tool.ci_results.job_reports import files_of, node_id
from bisect_tool.ci_results.observation import State
from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.log_input.junit import NotJunit, failed_cases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bisect_tool.ci_results.junit_report import Report
    from bisect_tool.evidence import Failure, LogFailure
    from bisect_tool.log_input.junit import FailedCase

_CASES: Final = 50
"""Of a report with more failures, which one outage explains, these are read."""


def explained_cases(cases: Iterable[FailedCase]) -> tuple[LogFailure, ...]:
    """The failures of test cases, the gravest first; each case is a log of its own."""
    return explain_log(_lines(cases))


def failures_of(report: Report, content: bytes) -> Mapping[str, Failure]:
    """How the tests of a report failed, by the name that the report gives them."""
    failed = [each.name for each in report.results if each.state is State.FAILED]
    if not failed:
        return {}
    try:
        cases = [case for case in islice(failed_cases(io.BytesIO(content)), _CASES) if case.name]
    except NotJunit:  # the report has no chains then: its tests are read where their text cannot be
        return {}
    files = files_of(case.name for case in cases)
    found = {node_id(each.test, files): each.failure for each in explained_cases(cases)}
    return {name: found[test] for name in failed if (test := node_id(name, files)) in found}


def _lines(cases: Iterable[FailedCase]) -> Iterator[LogLine]:
    """The failed tests as pytest would print them."""
    for count, case in enumerate(cases, 1):
        text = ("===== FAILURES =====", f"____ {case.name} ____", *case.text)
        yield from (LogLine(f"report {count}", 0.0, line, number) for number, line in enumerate(text, 1))
