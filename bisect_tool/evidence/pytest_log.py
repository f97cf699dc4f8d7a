"""Find the failed tests in pytest's output: what each raised, and which lines of the log belong to it.

Reads the output of pytest's terminal reporter (`_pytest/terminal.py`): progress with and without `-v` and
`-s`, the sections below `FAILURES` and `ERRORS`, the short test summary, and the prefixes of xdist.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from bisect_tool.evidence.event import Frame
from bisect_tool.evidence.prefix import collector_prefix, without_row
from bisect_tool.evidence.traceback import bare_exception, last_line
from bisect_tool.sanitise import clean, clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.evidence.line import LogLine

Phase = Literal["setup", "call", "teardown"]
TESTS_KEPT = 1000
_SPANS = 20_000
_LINE_LIMIT = 2000
_TEXT_LINES = 60
_END = 2**62
_FRAMES = 40

NODE = r"(?P<node>[^\s:]+\.pyi?::\w+(?:::\w+)*(?:\[.*?\])?)(?=\s|$)"
_VERDICT = r"PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN"
_STARTED = re.compile(rf"{NODE}(?:\s+(?P<verdict>{_VERDICT})\b)?")
# Some plugins print how long a test took: `FAILED [3.6s] [ 31%]`.
_DURATION = r"(?: \[\d+(?:\.\d+)?s\])?"
_ENDED = re.compile(
    rf"(?P<verdict>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS){_DURATION}(?:\s*\[ *\d+%\]|\s*$|(?=\())"
)
_MAY_END = re.compile(
    r"(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?:\x1b\[[\d;]*m|\s){0,20}(?:\x1b|\[|\(|$)"
)
_MAY_SUMMARISE = re.compile(rf"(?:FAILED|ERROR)(?:\x1b\[[\d;]*m)?{_DURATION} (?:\x1b\[[\d;]*m)?[^\s:]+\.\w")
_XDIST_VERDICT = re.compile(rf"\[gw\d+\] \[ *\d+%\] (?P<verdict>{_VERDICT}) {NODE}")
_SUMMARY = re.compile(
    rf"(?P<verdict>FAILED|ERROR){_DURATION} "
    r"(?P<node>[^\s:]+(?:\.pyi?|\.\w+(?=::))(?:::[\w.]+)*(?:\[.*?\])?)"
    r"(?: - (?P<message>.*))?$"
)
_BANNER = re.compile(r"=+ (?P<title>\S.*?) =+$")
_CLOSING = re.compile(r"(?:\d+ [a-z]+(?:, )?)+ in \d[\d.]*s|no tests ran")
# If no test ran, the error that stopped pytest may be in the lines above.
_FAILED = re.compile(r"\b\d+ (?:failed|errors?)\b|no tests ran")
_HEADING = re.compile(
    r"_+ (?!_)(?:ERROR (?:at (?P<phase>setup|teardown) of|(?P<collecting>collecting)) )?(?P<title>\S.*?) _+$"
)
_CAPTURED = re.compile(r"-+ Captured .* -+$")
_MARGIN = re.compile(r"E(?: {2,}|$)")
_LOCATION = re.compile(
    r"(?P<file>[^\s:]+\.\w+):(?P<line>\d{1,9}):(?: in (?P<function>.+)| (?P<exception>[A-Za-z_][\w.]*))?$"
)
_DEFINED = re.compile(r"[ >]   +(?:async )?def (?P<name>\w+)\(")
_NOISE = re.compile(r"\[gw\d+\] |[_ ]+$|\W*$|Traceback")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of one log, from `first` to `last`."""

    source: str
    first: int
    last: int

    def contains(self, source: str, number: int) -> bool:
        """Whether a line is within the span."""
        return source == self.source and self.first <= number <= self.last


class _Spans:
    """Spans of each log, which are added in order and do not overlap."""

    def __init__(self) -> None:
        self._by_source: dict[str, list[Span]] = {}

    def add(self, span: Span) -> None:
        spans = self._by_source.setdefault(span.source, [])
        if len(spans) < _SPANS:
            spans.append(span)

    def contains(self, source: str, number: int) -> bool:
        """Whether a line is within one of the spans."""
        spans = self._by_source.get(source, [])
        at = bisect_right(spans, number, key=lambda span: span.first)
        return at > 0 and spans[at - 1].last >= number


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A failed test, with what pytest reports about it.

    Attributes:
        name: its node id; without a summary, the title of its section.
        section: its part of the report; None without one.
        started: the lines from its start to its verdict; None if the log does not show the progress.
        text: the lines of the last exception that it raised.
    """

    name: str
    phase: Phase
    source: str
    line: int
    exception: str = ""
    text: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    section: Span | None = None
    started: Span | None = None

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans of lines that belong to this test."""
        return tuple(span for span in (self.section, self.started) if span is not None)


@dataclass(slots=True)
class _Section:
    """A section of the report that is being read."""

    title: str
    phase: Phase
    line: int
    text: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    first: str = ""
    function: str = ""
    raised: str = ""
    captured: bool = False
    in_margin: bool = False

    def feed(self, text: str) -> None:
        """Read a line of pytest's, up to the captured output of the test."""
        if self.captured or _CAPTURED.match(text):
            self.captured = True
            return
        margin = _MARGIN.match(text)
        if margin:
            self._raised(text[margin.end() :])
        elif location := _LOCATION.match(text):
            self._add_location(location)
        elif defined := _DEFINED.match(text):
            self.function = self.function or defined["name"]
        elif bare_exception(text) or not (self.first or text[:1].isspace() or _NOISE.match(text)):
            self.first = text
        self.in_margin = bool(margin)

    def _raised(self, text: str) -> None:
        if not self.in_margin:  # the last of chained exceptions failed the test
            self.text = []
        if len(self.text) < _TEXT_LINES:
            self.text.append(text)

    def _add_location(self, location: re.Match[str]) -> None:
        function = location["function"] or self.function or _function(self.title)
        self.frames.append(Frame(file=location["file"], line=int(location["line"]), function=function))
        del self.frames[_FRAMES:]
        self.raised, self.function = location["exception"] or "", ""

    def test(self, source: str, last: int) -> FailedTest:
        """Return the failed test of this section."""
        text = self.text or ([self.first] if self.first else [])
        assertion = next((line for line in text if line.startswith("assert ") or bare_exception(line)), "")
        exception, first = _split_exception(assertion or "".join(text[:1]))
        if not exception or exception == "AssertionError":
            exception = self.raised or exception
        return FailedTest(
            name=self.title,
            phase=self.phase,
            source=source,
            line=self.line,
            exception=exception,
            text=(first, *text[1:]) if text else (),
            frames=tuple(self.frames),
            section=Span(source, self.line, last),
        )


def _function(title: str) -> str:
    """Return the function of `TestA.test_b[1.5]` or `tests/test_a.py::TestA::test_b[1.5]`."""
    return re.split(r"::|\.", title.partition("[")[0])[-1]


@dataclass(slots=True)
class _Log:
    """The state of a log that is being read."""

    source: str
    report: str = ""
    section: _Section | None = None
    node: str = ""
    since: int = 0
    began: int = 0

    def is_relevant(self, text: str) -> bool:
        """Whether a line within a report or a test's output may be relevant; cheap for other lines."""
        if self.report in ("FAILURES", "ERRORS"):
            return True
        if self.report:
            return ("FAILED" in text or "ERROR" in text) and bool(_MAY_SUMMARISE.search(text))
        # Three verdicts end with `ED`; several plain searches are faster than one regular expression.
        marked = "ED" in text or "ERROR" in text or "XFAIL" in text or "XPASS" in text
        return marked and bool(_MAY_END.search(text))


class PytestReader:
    """Reads pytest's report from lines as they pass through."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._sections: dict[str, deque[FailedTest]] = {}
        self._tests: dict[tuple[str, str], FailedTest] = {}
        self._verdicts: dict[tuple[str, str], Span] = {}
        self._with_progress: set[str] = set()
        self._ran = _Spans()
        self._reports = _Spans()
        self._passed = _Spans()

    def read(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """Read lines, and yield them unchanged."""
        log = _Log("")
        for line in lines:
            if line.source != log.source:
                log = self._logs.setdefault(line.source, _Log(line.source))
            text = line.text
            if "::" in text or "=====" in text or ((log.report or log.node) and log.is_relevant(text)):
                self._feed(log, line)
            yield line
        for log in self._logs.values():
            self._end_report(log, _END)
            self._end_test(log, _END)

    def failed(self) -> tuple[FailedTest, ...]:
        """Return the failed tests in the order of the summary; those that it does not name come last."""
        for (node, verdict), span in list(self._verdicts.items()):
            self._summarise(node, verdict, span.source, span.last)
        return (*self._tests.values(), *(each for queue in self._sections.values() for each in queue))

    def is_reported(self, source: str, number: int) -> bool:
        """Whether a line is part of pytest's report, or of the progress of a test that it names."""
        return self._reports.contains(source, number) or self._ran.contains(source, number)

    def has_passed(self, source: str, number: int) -> bool:
        """Whether a line is from a pytest run in which no test failed, according to its summary."""
        return self._passed.contains(source, number)

    def _feed(self, log: _Log, line: LogLine) -> None:
        shown = without_row(clean(line.text[: 4 * _LINE_LIMIT].rstrip("\r\n")))
        text = clean_line(shown[collector_prefix(shown).end :] or "", _LINE_LIMIT)
        if banner := _BANNER.match(text):
            self._banner(log, line.number, banner["title"])
        elif log.report in ("FAILURES", "ERRORS"):
            if heading := _HEADING.match(text):
                self._end_section(log, line.number - 1)
                phase: Phase = heading["phase"] or ("setup" if heading["collecting"] else "call")  # type: ignore[assignment]
                log.section = _Section(heading["title"], phase, line.number)
            elif log.section is not None:
                log.section.feed(text)
        elif summary := _SUMMARY.match(text):
            node, verdict = summary["node"], summary["verdict"]
            self._summarise(node, verdict, log.source, line.number, summary["message"] or "")
        elif not log.report:
            self._progress(log, line.number, text)

    def _banner(self, log: _Log, number: int, title: str) -> None:
        self._end_section(log, number - 1)
        self._end_test(log, number - 1)
        if title in ("FAILURES", "ERRORS") or title.startswith("short test summary"):
            log.began, log.report = log.began if log.report else number, title
        elif _CLOSING.match(title):
            if not _FAILED.search(title):
                self._passed.add(Span(log.source, log.since, number))
            log.since = number + 1
            self._end_report(log, number)
        elif title == "test session starts":
            self._end_report(log, number - 1)
            log.since = number
        else:
            log.report = title if log.report else ""

    def _end_report(self, log: _Log, number: int) -> None:
        self._end_section(log, number)
        if log.report:
            self._reports.add(Span(log.source, log.began, number))
        log.report = ""

    def _end_section(self, log: _Log, number: int) -> None:
        section, log.section = log.section, None
        if section is not None and len(self._sections) < TESTS_KEPT:
            self._sections.setdefault(section.title, deque()).append(section.test(log.source, number))

    def _summarise(self, node: str, verdict: str, source: str, number: int, message: str = "") -> None:
        """Add a failed test, with its section if there is one."""
        titles = (_title(node), node, node.partition("::")[0])  # the file is the title if the worker crashed
        queue = next((queue for title in titles if (queue := self._sections.get(title))), None)
        if not queue and (node, verdict) in self._tests:
            return
        phase: Phase = "setup" if verdict == "ERROR" else "call"
        test = queue.popleft() if queue else FailedTest(node, phase, source, number)
        if not test.text and message:
            exception, first = _split_exception(message)
            test = replace(test, exception=exception, text=(first,))
        started = self._verdicts.get((node, verdict)) if source in self._with_progress else None
        if len(self._tests) < TESTS_KEPT:
            self._tests[node, verdict] = replace(test, name=node, started=started)

    def _progress(self, log: _Log, number: int, text: str) -> None:
        """Read a line of `-v`, or of the output that `-s` shows below the name of a test."""
        if found := _XDIST_VERDICT.match(text):
            self._record_verdict(found["node"], found["verdict"], Span(log.source, number, number))
        elif found := _STARTED.match(text):
            if found["node"] != log.node:
                self._end_test(log, number - 1)
                log.node, log.began = found["node"], number
            self._with_progress.add(log.source)
            self._record_verdict(log.node, found["verdict"], Span(log.source, log.began, number))
        elif log.node and (found := _ENDED.match(text)):
            self._record_verdict(log.node, found["verdict"], Span(log.source, log.began, number))

    def _record_verdict(self, node: str, verdict: str | None, span: Span) -> None:
        if verdict in ("FAILED", "ERROR") and len(self._verdicts) < TESTS_KEPT:
            self._verdicts.setdefault((node, verdict), span)

    def _end_test(self, log: _Log, number: int) -> None:
        if log.node:
            self._ran.add(Span(log.source, log.began, number))
        log.node = ""


def _title(node: str) -> str:
    """Return the title of a test's section: its node id without the file."""
    name, bracket, parameters = node.partition("[")
    return ".".join(name.split("::")[1:]) + bracket + parameters


def _split_exception(text: str) -> tuple[str, str]:
    """Split the first line of what a test raised into exception and message."""
    if text.startswith("assert "):
        return "AssertionError", text
    if named := bare_exception(text):
        return named
    exception, message = last_line(text) or ("", text)
    return (exception, message or "") if message is not None or "." in exception else ("", text)
