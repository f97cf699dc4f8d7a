"""Parse JUnit XML: the outcome of every test, and the properties of the run. Pure.

`log_input.junit` yields the lines of failed tests; a history needs the passed tests as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.parsers import expat

from bisect_tool.ci_results.observation import State
from bisect_tool.log_input.junit import UNKNOWN_ENCODING, NotJunit
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOTS = frozenset({"testsuites", "testsuite"})
_OUTCOMES = {
    "failure": State.FAILED,
    "error": State.FAILED,
    "skipped": State.MISSING,
}
_OF_SUITE = ("timestamp", "hostname", "time")
_NAME_LIMIT = 500
_DEPTH = 100
_NOT_RUN = frozenset({"notrun", "disabled"})
"""The `status` of tests that googletest did not run: disabled or filtered ones."""
_FLAKY = frozenset({"flakyFailure", "flakyError"})
"""Attempts that failed before one that passed: Surefire, Gradle and cargo-nextest write them."""
_ILLEGAL = re.compile(
    r"[\0-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"(?:/|[A-Za-z]:[\\/]).*[\\/]")
_EXCEPTION = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?::|\s*$)")


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test: its name, its outcome, and the class of its exception.

    Attributes:
        suite: the outermost suite that it is in and that has a name. Several tools write suites in the order
            in which they end, so that the first one of a report says nothing about the others.
        flaked: the exceptions of attempts that failed before the one that passed.
    """

    __test__ = False

    name: str
    state: State
    exception: str = ""
    suite: str = ""
    flaked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A report: its tests, and the properties, host and times of its first suite that has them."""

    results: tuple[TestResult, ...]
    properties: Mapping[str, str]
    host: str = ""
    started: datetime | None = None
    finished: datetime | None = None


def read_report(content: bytes) -> Report:
    """Parse a report.

    Raises:
        NotJunit: it is not well-formed, has a DTD, or is not JUnit XML.
    """
    try:
        reader = _parsed(content)
    except (expat.ExpatError, *UNKNOWN_ENCODING) as error:
        reader = _parsed_without_illegal_characters(content, error)
    started = _time(reader.suite.get("timestamp", ""))
    return Report(
        tuple(reader.results()),
        reader.properties,
        clean_line(reader.suite.get("hostname", ""), _NAME_LIMIT),
        started,
        _end(started, reader.suite.get("time", "")),
    )


def _parsed(content: bytes, encoding: str | None = None) -> _Reader:
    reader = _Reader(encoding)
    reader.parser.Parse(content, True)
    return reader


def _parsed_without_illegal_characters(content: bytes, error: Exception) -> _Reader:
    """A report that quotes terminal colours or binary output, which no XML may hold: mostly a red one.

    Or one whose declared encoding the parser does not know: it is read as UTF-8.

    Raises:
        NotJunit: that is not what is wrong with it.
    """
    text = _ILLEGAL.sub("", content.decode("utf-8", "replace"))
    try:
        return _parsed(text.encode(), "utf-8")
    except expat.ExpatError:
        raise NotJunit(f"not well-formed XML: {clean_line(str(error), 200)}") from None


@dataclass(slots=True)
class _Case:
    name: str
    suite: str
    states: list[State] = field(default_factory=list)
    exception: str = ""
    flaked: list[str] = field(default_factory=list)

    def add(self, state: State) -> None:
        """Record the state that an element gives the attempt; a failure is kept."""
        if self.states[-1] is not State.FAILED:
            self.states[-1] = state

    def result(self) -> TestResult:
        state = _worst(self.states)
        flaked = tuple(self.flaked) if state is State.PASSED else ()
        return TestResult(self.name, state, self.exception, self.suite, flaked)


class _Reader:
    """The parser's handlers."""

    def __init__(self, encoding: str | None) -> None:
        self.parser = expat.ParserCreate(encoding)
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.suite: dict[str, str] = {}
        self.properties: dict[str, str] = {}
        self._suites: list[str] = []
        self._cases: dict[tuple[str, str], _Case] = {}
        self._case: _Case | None = None
        self._depth = 0

    def results(self) -> list[TestResult]:
        """The tests, each once: an error of its teardown is an element of its own."""
        return [case.result() for case in self._cases.values()]

    def _doctype(self, *_: object) -> None:
        raise NotJunit("it has a DTD, which may expand without limit")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._depth and name not in _ROOTS:
            raise NotJunit(f"not JUnit XML: it begins with <{clean_line(name, 40)}>")
        self._depth += 1
        if self._depth > _DEPTH:
            raise NotJunit("not JUnit XML: its elements are nested too deeply")
        if name == "testsuite":
            self.suite = {key: attributes[key] for key in _OF_SUITE if key in attributes} | self.suite
            self._suites.append(_suite_name(attributes))
        elif name == "property" and self._case is None:
            self.properties.setdefault(
                attributes.get("name", ""), clean_line(attributes.get("value", ""), _NAME_LIMIT)
            )
        elif name == "testcase":
            self._begin_case(attributes)
        elif name in _OUTCOMES and self._case is not None:
            self._case.add(_OUTCOMES[name])
            if _OUTCOMES[name] is State.FAILED:
                self._case.exception = self._case.exception or _exception(attributes)
        elif name in _FLAKY and self._case is not None:
            self._case.flaked.append(_exception(attributes))

    def _begin_case(self, attributes: dict[str, str]) -> None:
        title, suite = _title(attributes), next(filter(None, self._suites), "")
        self._case = self._cases.setdefault((suite, title), _Case(title, suite))
        ran = attributes.get("status", "") not in _NOT_RUN
        self._case.states.append(State.PASSED if ran else State.MISSING)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "testcase":
            self._case = None
        elif name == "testsuite":
            self._suites.pop()


def _worst(states: list[State]) -> State:
    """Return the outcome of a test with several elements."""
    return next(state for state in (State.FAILED, State.PASSED, State.MISSING) if state in states)


def _suite_name(attributes: Mapping[str, str]) -> str:
    """The name of a suite; of a path only its end, which is the same on every agent."""
    return clean_line(_ABSOLUTE.sub("", attributes.get("name", "")), _NAME_LIMIT)


def _title(attributes: Mapping[str, str]) -> str:
    """Return the name of a test, independent of its outcome; with its file if the report has one."""
    name = attributes.get("name", "")
    where = attributes.get("classname", "")
    file = attributes.get("file", "")
    if file.endswith(".py"):
        module = file[:-3].replace("/", ".")
        if name == module and not where:  # it could not be imported
            return clean_line(file, _NAME_LIMIT)
        classes = where.removeprefix(module).strip(".").split(".") if where.startswith(module) else []
        return clean_line("::".join(filter(None, (file, *classes, name))), _NAME_LIMIT)
    return clean_line("::".join(filter(None, (where, name))), _NAME_LIMIT) or "unnamed test"


def _exception(attributes: Mapping[str, str]) -> str:
    """Return the class of an exception, from the type of a failure or the start of its message."""
    kind = attributes.get("type", "")
    if kind and kind not in _OUTCOMES:
        return clean_line(kind, 200)
    message = (
        attributes.get("message", "")
        .removeprefix('failed on setup with "')
        .removeprefix('failed on teardown with "')
    )
    if message.startswith("assert "):
        return "AssertionError"
    found = _EXCEPTION.match(message)
    return found["name"] if found else ""


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _end(started: datetime | None, seconds: str) -> datetime | None:
    """Return the end of a suite; its start if the duration is invalid."""
    try:
        return None if started is None else started + timedelta(seconds=float(seconds))
    except (ValueError, OverflowError):
        return started
