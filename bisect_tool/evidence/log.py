"""Explain any log: each failed test that pytest reports, else the log as a whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.evidence.event import SuiteFailure
from bisect_tool.evidence.failure_chain import Failure, explain, unlike
from bisect_tool.evidence.other_test_runners import job_failure, named_tests
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
"""Lines kept for the messages of test runners and CI services at the end."""

_OF_THE_TEST = frozenset({"AssertionError", "Failed", "TimeoutError", "Timeout", "SystemExit"})
"""Exceptions with which a test reports what it saw, not the cause."""

_FREE = 500
"""Events that belong to no test, each signature once."""


@dataclass(frozen=True, slots=True)
class LogFailure:
    """A failure found in a log; `test` is empty if the log names none."""

    test: str
    failure: Failure


def explain_log(
    lines: Iterable[LogLine], known_good: Collection[Signature] = frozenset()
) -> tuple[LogFailure, ...]:
    """Return the failures in logs, the most severe first; empty without any.

    Each failed test of pytest is one. If none is named, everything in the logs is one failure, except for the
    output of tests that passed.

    Args:
        lines: numbered lines; those of one source in their order.
        known_good: signatures of passing runs, which are never a root.
    """
    tests = PytestReader()
    last: deque[LogLine] = deque(maxlen=_LAST)
    every = read_events(_kept(tests.watch(lines), last))
    events = unlike(every, known_good)
    evidence = _Evidence(events, tests)
    found = [_of_test(test, evidence) for test in tests.failed()]
    found = found or _of_all(events, tests) or _of_end(last, tests)
    if all(is_symptom(each.failure.root) and not each.test for each in found):
        found = _of_runner(last, tests) or found
    new = [each for each in found if each.failure.signature not in known_good]
    return tuple(sorted(new, key=_gravity))


def signatures(lines: Iterable[LogLine]) -> frozenset[Signature]:
    """Return the signatures of all events in logs, errors or not, and of their failed tests."""
    tests = PytestReader()
    events = read_events(tests.watch(lines))
    failures = (explain((), _suite_failure(test, 0.0), {}) for test in tests.failed())
    return frozenset(
        {*(signature_of(event) for event in events), *(failure.signature for failure in failures)}
    )


def _kept(lines: Iterable[LogLine], last: deque[LogLine]) -> Iterator[LogLine]:
    """Yield the lines, and keep the last ones."""
    for line in lines:
        last.append(line if len(line.text) < LINE_LIMIT else line._replace(text=line.text[:LINE_LIMIT]))
        yield line


def _of_all(events: Sequence[Event], tests: PytestReader) -> list[LogFailure]:
    """The only failure of a log that names no failed test."""
    left = [event for event in events if not tests.has_passed(event.source, event.line)]
    if not any(event.severity == "error" for event in left):
        return []
    return [LogFailure("", explain(left, None, {}))]


def _of_runner(last: Iterable[LogLine], tests: PytestReader) -> list[LogFailure]:
    """The failed tests that a runner other than pytest names."""
    return [LogFailure(*found) for found in named_tests(_not_passed(last, tests))]


def _of_end(last: Iterable[LogLine], tests: PytestReader) -> list[LogFailure]:
    """Return the message of the CI service at the end."""
    ended = job_failure(_not_passed(last, tests))
    return [LogFailure("", ended)] if ended else []


def _not_passed(last: Iterable[LogLine], tests: PytestReader) -> list[LogLine]:
    return [line for line in last if not tests.has_passed(line.source, line.number)]


class _Evidence:
    """The events of all logs, by the test they belong to."""

    def __init__(self, events: Iterable[Event], tests: PytestReader) -> None:
        self._by_source: dict[str, list[Event]] = {}
        free: dict[Signature, Event] = {}
        for event in sorted(events, key=lambda event: event.line):
            self._by_source.setdefault(event.source, []).append(event)
            if len(free) < _FREE and not tests.is_reported(event.source, event.line):
                free.setdefault(signature_of(event), event)
        self._free = tuple(free.values())

    def of(self, test: FailedTest) -> list[Event]:
        """The test's own, and those of no test that come before its report."""
        own = {id(event): event for span in test.spans for event in self._within(span)}
        free = (event for event in self._free if _may_concern(test, event))
        own |= {id(event): event for event in free}
        return sorted(own.values(), key=lambda event: (event.time, event.line))

    def _within(self, span: Span) -> list[Event]:
        events = self._by_source.get(span.source, [])
        first = bisect_left(events, span.first, key=lambda event: event.line)
        return events[first : bisect_right(events, span.last, key=lambda event: event.line)]


def _may_concern(test: FailedTest, event: Event) -> bool:
    if event.source != test.source:
        return True
    return test.started is None and event.line < test.line


def _of_test(test: FailedTest, evidence: _Evidence) -> LogFailure:
    """Explain a failed test by its own lines and those that belong to no test."""
    own = [_named(event, test) for event in evidence.of(test)]
    if _raised_by_itself(test):
        own = [event for event in own if not _is_remark(event)]
    seen = _suite_failure(test, max((event.time for event in own), default=0.0))
    failure = explain(own, seen.model_copy(update={"frames": seen.frames or _frames(seen, own)}), {})
    chain = tuple(_placed(event, test) for event in failure.chain)
    return LogFailure(test.name, failure.model_copy(update={"root": chain[0], "chain": chain}))


def _raised_by_itself(test: FailedTest) -> bool:
    """Whether the failure was raised by code that the test calls: no assertion, no other process."""
    if test.exception.rpartition(".")[2] in _OF_THE_TEST or not test.exception:
        return False
    failure = explain((), _suite_failure(test, 0.0), {})
    return failure.root.stage is None and not is_symptom(failure.root)


def _is_remark(event: Event) -> bool:
    """Whether a test's own process logged it as an error, of which nothing else is known."""
    return event.role == TEST and not event.exception and stage(event) is Stage.UNEXPLAINED


def _named(event: Event, test: FailedTest) -> Event:
    """The event; a traceback in the test's own section is the test's."""
    inside = test.section is not None and test.section.holds(event.source, event.line)
    is_tests = inside and event.role == LAUNCHER and event.pid is None
    return event.model_copy(update={"role": TEST}) if is_tests else event


def _frames(seen: SuiteFailure, own: Iterable[Event]) -> tuple[Frame, ...]:
    """The stack of what the test saw, if the log has it as Python prints it."""
    same = (event.frames for event in own if event.role == TEST and event.exception == seen.exception)
    return next((frames for frames in same if frames), ())


def _placed(event: Event, test: FailedTest) -> Event:
    """The event; what the test saw is in its part of the report, which has no times."""
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


def _gravity(found: LogFailure) -> tuple[bool, int]:
    """Causes come before mere symptoms, and an engine's before what only a test saw."""
    root = found.failure.root
    return is_symptom(root), stage(root)
