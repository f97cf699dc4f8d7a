"""Find the failed tests in pytest's output: what each raised, and which lines of the log belong to it.

Forms after pytest's terminal reporter (`_pytest/terminal.py`): progress with and without `-v` and `-s`, the
sections below `FAILURES` and `ERRORS`, the short test summary, and what xdist puts before them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from bisect_tool.evidence.event import Frame
from bisect_tool.evidence.prefix import collector_prefix
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
_ENDED = re.compile(r"(?P<verdict>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?:\s*\[ *\d+%\]|\s*$|(?=\())")
_MAY_END = re.compile(
    r"(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?:\x1b\[[\d;]*m|\s){0,20}(?:\x1b|\[|\(|$)"
)
_MAY_SUMMARISE = re.compile(r"(?:FAILED|ERROR)(?:\x1b\[[\d;]*m)? (?:\x1b\[[\d;]*m)?[^\s:]+\.\w")
_XDIST_VERDICT = re.compile(rf"\[gw\d+\] \[ *\d+%\] (?P<verdict>{_VERDICT}) {NODE}")
_SUMMARY = re.compile(
    r"(?P<verdict>FAILED|ERROR) (?P<node>[^\s:]+(?:\.pyi?|\.\w+(?=::))(?:::[\w.]+)*(?:\[.*?\])?)"
    r"(?: - (?P<said>.*))?$"
)
_BANNER = re.compile(r"=+ (?P<title>\S.*?) =+$")
_CLOSING = re.compile(r"(?:\d+ [a-z]+(?:, )?)+ in \d[\d.]*s|no tests ran")
_RED = re.compile(r"\b\d+ (?:failed|errors?)\b")
_HEADING = re.compile(
    r"_+ (?!_)(?:ERROR (?:at (?P<phase>setup|teardown) of|(?P<collecting>collecting)) )?(?P<title>\S.*?) _+$"
)
_CAPTURED = re.compile(r"-+ Captured .* -+$")
_MARGIN = re.compile(r"E(?: {2,}|$)")
_PLACE = re.compile(
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

    def holds(self, source: str, number: int) -> bool:
        """Whether a line is within the span."""
        return source == self.source and self.first <= number <= self.last


class _Spans:
    """Spans that are added in their order in each log, and do not overlap."""

    def __init__(self) -> None:
        self._by_source: dict[str, list[Span]] = {}

    def add(self, span: Span) -> None:
        spans = self._by_source.setdefault(span.source, [])
        if len(spans) < _SPANS:
            spans.append(span)

    def hold(self, source: str, number: int) -> bool:
        """Whether a line is within one of the spans."""
        spans = self._by_source.get(source, [])
        at = bisect_right(spans, number, key=lambda span: span.first)
        return at > 0 and spans[at - 1].last >= number


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A failed test, with what pytest reports about it.

    Attributes:
        name: its node id; where the summary is missing, the title of its section.
        section: its part of the report; None where there is none.
        started: the lines from its start to its verdict, where the log shows its progress.
        text: what it raised, the lines of the last exception.
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
        """The lines that are this test's."""
        return tuple(span for span in (self.section, self.started) if span is not None)


@dataclass(slots=True)
class _Section:
    """One section of the report, as it is read."""

    title: str
    phase: Phase
    line: int
    text: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    first: str = ""
    function: str = ""
    raised: str = ""
    captured: bool = False
    inside: bool = False

    def feed(self, text: str) -> None:
        """Take in a line of pytest's, up to the output of the test that it captured."""
        if self.captured or _CAPTURED.match(text):
            self.captured = True
            return
        margin = _MARGIN.match(text)
        if margin:
            self._raised(text[margin.end() :])
        elif place := _PLACE.match(text):
            self._place(place)
        elif defined := _DEFINED.match(text):
            self.function = self.function or defined["name"]
        elif bare_exception(text) or not (self.first or text[:1].isspace() or _NOISE.match(text)):
            self.first = text
        self.inside = bool(margin)

    def _raised(self, text: str) -> None:
        if not self.inside:  # of chained exceptions the last one is what failed the test
            self.text = []
        if len(self.text) < _TEXT_LINES:
            self.text.append(text)

    def _place(self, place: re.Match[str]) -> None:
        function = place["function"] or self.function or _function(self.title)
        self.frames.append(Frame(file=place["file"], line=int(place["line"]), function=function))
        del self.frames[_FRAMES:]
        self.raised, self.function = place["exception"] or "", ""

    def test(self, source: str, last: int) -> FailedTest:
        """What this section says."""
        text = self.text or ([self.first] if self.first else [])
        told = next((line for line in text if line.startswith("assert ") or bare_exception(line)), "")
        exception, first = _named(told or "".join(text[:1]))
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
    """The function of a test that is called `TestA.test_b[1.5]` or `tests/test_a.py::TestA::test_b[1.5]`."""
    return re.split(r"::|\.", title.partition("[")[0])[-1]


@dataclass(slots=True)
class _Log:
    """The state of one log while it is read."""

    source: str
    report: str = ""
    section: _Section | None = None
    node: str = ""
    since: int = 0
    began: int = 0

    def heeds(self, text: str) -> bool:
        """Whether a line within a report or a test's output may matter; cheap on the many that do not."""
        if self.report in ("FAILURES", "ERRORS"):
            return True
        if self.report:
            return ("FAILED" in text or "ERROR" in text) and bool(_MAY_SUMMARISE.search(text))
        # Of the verdicts, three end with `ED`; searches one after the other are faster than an expression's.
        marked = "ED" in text or "ERROR" in text or "XFAIL" in text or "XPASS" in text
        return marked and bool(_MAY_END.search(text))


class PytestReader:
    """Reads pytest's report from lines as they pass through."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._sections: dict[str, deque[FailedTest]] = {}
        self._tests: dict[tuple[str, str], FailedTest] = {}
        self._verdicts: dict[tuple[str, str], Span] = {}
        self._live: set[str] = set()
        self._ran = _Spans()
        self._reports = _Spans()
        self._passed = _Spans()

    def watch(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """Yield the lines unchanged, and read them."""
        log = _Log("")
        for line in lines:
            if line.source != log.source:
                log = self._logs.setdefault(line.source, _Log(line.source))
            text = line.text
            if "::" in text or "=====" in text or ((log.report or log.node) and log.heeds(text)):
                self._feed(log, line)
            yield line
        for log in self._logs.values():
            self._end_report(log, _END)
            self._end_test(log, _END)

    def failed(self) -> tuple[FailedTest, ...]:
        """The tests that failed, in the order of the summary; those that it does not name come last."""
        for (node, verdict), span in list(self._verdicts.items()):
            self._summarise(node, verdict, span.source, span.last)
        return (*self._tests.values(), *(each for queue in self._sections.values() for each in queue))

    def is_reported(self, source: str, number: int) -> bool:
        """Whether a line is part of pytest's report, or of the progress of a test that it names."""
        return self._reports.hold(source, number) or self._ran.hold(source, number)

    def has_passed(self, source: str, number: int) -> bool:
        """Whether a line was printed by tests none of which failed, according to pytest's summary."""
        return self._passed.hold(source, number)

    def _feed(self, log: _Log, line: LogLine) -> None:
        shown = clean(line.text[: 4 * _LINE_LIMIT].rstrip("\r\n"))
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
            self._summarise(node, verdict, log.source, line.number, summary["said"] or "")
        elif not log.report:
            self._progress(log, line.number, text)

    def _banner(self, log: _Log, number: int, title: str) -> None:
        self._end_section(log, number - 1)
        self._end_test(log, number - 1)
        if title in ("FAILURES", "ERRORS") or title.startswith("short test summary"):
            log.began, log.report = log.began if log.report else number, title
        elif _CLOSING.match(title):
            if not _RED.search(title):
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

    def _summarise(self, node: str, verdict: str, source: str, number: int, said: str = "") -> None:
        """Add a failed test, with its section should there be one."""
        titles = (_title(node), node, node.partition("::")[0])  # the file's: its xdist worker crashed
        queue = next((queue for title in titles if (queue := self._sections.get(title))), None)
        if not queue and (node, verdict) in self._tests:
            return
        phase: Phase = "setup" if verdict == "ERROR" else "call"
        test = queue.popleft() if queue else FailedTest(node, phase, source, number)
        if not test.text and said:
            exception, first = _named(said)
            test = replace(test, exception=exception, text=(first,))
        started = self._verdicts.get((node, verdict)) if source in self._live else None
        if len(self._tests) < TESTS_KEPT:
            self._tests[node, verdict] = replace(test, name=node, started=started)

    def _progress(self, log: _Log, number: int, text: str) -> None:
        """A line of `-v`, or of the output of a test that `-s` shows below its name."""
        if found := _XDIST_VERDICT.match(text):
            self._judge(found["node"], found["verdict"], Span(log.source, number, number))
        elif found := _STARTED.match(text):
            if found["node"] != log.node:
                self._end_test(log, number - 1)
                log.node, log.began = found["node"], number
            self._live.add(log.source)
            self._judge(log.node, found["verdict"], Span(log.source, log.began, number))
        elif log.node and (found := _ENDED.match(text)):
            self._judge(log.node, found["verdict"], Span(log.source, log.began, number))

    def _judge(self, node: str, verdict: str | None, span: Span) -> None:
        if verdict in ("FAILED", "ERROR") and len(self._verdicts) < TESTS_KEPT:
            self._verdicts.setdefault((node, verdict), span)

    def _end_test(self, log: _Log, number: int) -> None:
        if log.node:
            self._ran.add(Span(log.source, log.began, number))
        log.node = ""


def _title(node: str) -> str:
    """The title of the section of a test: its node id without the file."""
    name, bracket, parameters = node.partition("[")
    return ".".join(name.split("::")[1:]) + bracket + parameters


def _named(text: str) -> tuple[str, str]:
    """Exception and message of the first line of what a test raised."""
    if text.startswith("assert "):
        return "AssertionError", text
    if named := bare_exception(text):
        return named
    exception, message = last_line(text) or ("", text)
    return (exception, message or "") if message is not None or "." in exception else ("", text)
