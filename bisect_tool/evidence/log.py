"""Explain any log: each failed test that pytest reports, or else the log as a whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.evidence.clean_up import CleanUps
from bisect_tool.evidence.event import SuiteFailure
from bisect_tool.evidence.failure_chain import Failure, explain, without_good_events
from bisect_tool.evidence.other_test_runners import job_failure, named_tests, with_lines_before
from bisect_tool.evidence.parsed_line import LAUNCHER, LINE_LIMIT, TEST
from bisect_tool.evidence.patterns import Stage, stage
from bisect_tool.evidence.pytest_log import PytestReader
from bisect_tool.evidence.reader import read_events
from bisect_tool.evidence.signature import Signature, signature_of
from bisect_tool.evidence.symptom import is_symptom

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bisect_tool.evidence.event import Event, Frame
    from bisect_tool.evidence.line import LogLine
    from bisect_tool.evidence.pytest_log import FailedTest, Span

_LAST = 5000
"""Lines kept at the end, for the messages of test runners and CI services."""

_TEST_EXCEPTIONS = frozenset({"AssertionError", "Failed", "TimeoutError", "Timeout", "SystemExit"})
"""Exceptions with which a test reports a symptom, not the cause."""

_UNASSIGNED_KEPT = 500
"""Events kept that belong to no test, one for each signature."""


@dataclass(frozen=True, slots=True)
class LogFailure:
    """A failure found in a log; `test` is empty if the log names none."""

    test: str
    failure: Failure


def explain_log(
    lines: Iterable[LogLine], known_good: Collection[Signature] = frozenset()
) -> tuple[LogFailure, ...]:
    """Return the failures in logs, the most severe first; empty if there is none.

    Each failed test of pytest is a failure. If none is named, the logs have one failure, to which everything
    belongs except for the output of passed tests.

    Args:
        lines: numbered lines; those of one source in order.
        known_good: signatures of passing runs, which are never a root.
    """
    tests = PytestReader()
    kept: deque[LogLine] = deque(maxlen=_LAST)
    clean_ups = CleanUps()
    all_events = read_events(clean_ups.read(_keep_last(tests.read(lines), kept)))
    last = tuple(kept)
    events = without_good_events(all_events, known_good)
    evidence = _Evidence(events, tests)
    found = [_explain_test(test, evidence) for test in tests.failed()]
    during_job = [event for event in events if not clean_ups.contains(event.source, event.line)]
    found = found or _explain_whole_log(during_job, tests)
    found = found or _from_ci_message(last, tests) or _explain_whole_log(events, tests)
    if all(is_symptom(each.failure.root) and not each.test for each in found):
        found = _from_other_runner(last, tests) or _with_lines_before(found, last)
    new = [each for each in found if each.failure.signature not in known_good]
    return tuple(sorted(new, key=_severity_order))


def signatures(lines: Iterable[LogLine]) -> frozenset[Signature]:
    """Return the signatures of all events in logs, errors or not, and of failed tests."""
    tests = PytestReader()
    events = read_events(tests.read(lines))
    failures = (explain((), _suite_failure(test, 0.0), {}) for test in tests.failed())
    return frozenset(
        {*(signature_of(event) for event in events), *(failure.signature for failure in failures)}
    )


def _keep_last(lines: Iterable[LogLine], last: deque[LogLine]) -> Iterator[LogLine]:
    """Yield the lines, and collect the last ones in `last`."""
    for line in lines:
        last.append(line if len(line.text) < LINE_LIMIT else line._replace(text=line.text[:LINE_LIMIT]))
        yield line


def _explain_whole_log(events: Sequence[Event], tests: PytestReader) -> list[LogFailure]:
    """Return the one failure of logs that name no failed test; empty without an error."""
    left = [event for event in events if not tests.has_passed(event.source, event.line)]
    if not any(event.severity == "error" for event in left):
        return []
    return [LogFailure("", explain(left, None, {}))]


def _from_other_runner(last: Iterable[LogLine], tests: PytestReader) -> list[LogFailure]:
    """Return the failed tests that a runner other than pytest names."""
    return [LogFailure(*found) for found in named_tests(_not_passed(last, tests))]


def _with_lines_before(found: Iterable[LogFailure], last: Sequence[LogLine]) -> list[LogFailure]:
    """Return the failures; those that are only the end of a process get the lines before it."""
    return [
        replace(each, failure=with_lines_before(each.failure, last))
        if each.failure.root.kind == "exit"
        else each
        for each in found
    ]


def _from_ci_message(last: Iterable[LogLine], tests: PytestReader) -> list[LogFailure]:
    """Return the failure that the CI service reports at the end."""
    ended = job_failure(_not_passed(last, tests))
    return [LogFailure("", ended)] if ended else []


def _not_passed(last: Iterable[LogLine], tests: PytestReader) -> list[LogLine]:
    return [line for line in last if not tests.has_passed(line.source, line.number)]


class _Evidence:
    """Finds the events that belong to a test."""

    def __init__(self, events: Iterable[Event], tests: PytestReader) -> None:
        self._by_source: dict[str, list[Event]] = {}
        unassigned: dict[Signature, Event] = {}
        for event in sorted(events, key=lambda event: event.line):
            self._by_source.setdefault(event.source, []).append(event)
            if len(unassigned) < _UNASSIGNED_KEPT and not tests.is_reported(event.source, event.line):
                unassigned.setdefault(signature_of(event), event)
        self._unassigned = tuple(unassigned.values())

    def of(self, test: FailedTest) -> list[Event]:
        """Return the test's own events, and those of no test that come before its report."""
        own = {id(event): event for span in test.spans for event in self._events_in_span(span)}
        unassigned = (event for event in self._unassigned if _may_concern(test, event))
        own |= {id(event): event for event in unassigned}
        return sorted(own.values(), key=lambda event: (event.time, event.line))

    def _events_in_span(self, span: Span) -> list[Event]:
        events = self._by_source.get(span.source, [])
        first = bisect_left(events, span.first, key=lambda event: event.line)
        return events[first : bisect_right(events, span.last, key=lambda event: event.line)]


def _may_concern(test: FailedTest, event: Event) -> bool:
    if event.source != test.source:
        return True
    return test.started is None and event.line < test.line


def _explain_test(test: FailedTest, evidence: _Evidence) -> LogFailure:
    """Explain a failed test by its own events and those that belong to no test."""
    own = [_with_test_role(event, test) for event in evidence.of(test)]
    if _raised_by_itself(test):
        own = [event for event in own if not _is_only_logged(event)]
    reported = _suite_failure(test, max((event.time for event in own), default=0.0))
    failure = explain(
        own, reported.model_copy(update={"frames": reported.frames or _frames(reported, own)}), {}
    )
    chain = tuple(_with_location(event, test) for event in failure.chain)
    return LogFailure(test.name, failure.model_copy(update={"root": chain[0], "chain": chain}))


def _raised_by_itself(test: FailedTest) -> bool:
    """Whether code that the test calls raised the failure, rather than an assertion or another process."""
    if test.exception.rpartition(".")[2] in _TEST_EXCEPTIONS or not test.exception:
        return False
    failure = explain((), _suite_failure(test, 0.0), {})
    return failure.root.stage is None and not is_symptom(failure.root)


def _is_only_logged(event: Event) -> bool:
    """Whether the event is an error that the test's own process only logged."""
    return event.role == TEST and not event.exception and stage(event) is Stage.UNEXPLAINED


def _with_test_role(event: Event, test: FailedTest) -> Event:
    """Return the event; a traceback in the test's own section gets the role of the test."""
    inside = test.section is not None and test.section.contains(event.source, event.line)
    is_tests = inside and event.role == LAUNCHER and event.pid is None
    return event.model_copy(update={"role": TEST}) if is_tests else event


def _frames(reported: SuiteFailure, own: Iterable[Event]) -> tuple[Frame, ...]:
    """Return the stack of the test's exception, if the log has it as Python prints it."""
    same = (event.frames for event in own if event.role == TEST and event.exception == reported.exception)
    return next((frames for frames in same if frames), ())


def _with_location(event: Event, test: FailedTest) -> Event:
    """Return the event; the test's failure gets the location of its report, which has no time."""
    if event.kind not in ("test", "hang") or event.line:
        return event
    return event.model_copy(update={"source": test.source, "line": test.line, "time": 0.0})


def _suite_failure(test: FailedTest, time: float) -> SuiteFailure:
    return SuiteFailure(
        phase=test.phase,
        exception=test.exception,
        message="\n".join(test.text) or ("" if test.exception else "FAILED"),
        frames=test.frames,
        time=time,
    )


def _severity_order(found: LogFailure) -> tuple[bool, int]:
    """Sort key: causes before symptoms, and failures of an engine before those that only a test reported."""
    root = found.failure.root
    return is_symptom(root), stage(root)
