"""Parse JUnit XML: the outcome of every test, and the properties of the run. Pure.

The parser in `logs` yields the lines of failed tests; a history needs the passed tests as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.parsers import expat

from bisect_tool.logs.junit import NoJunit
from bisect_tool.sanitise import clean_line
from bisect_tool.sources.observation import State

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOTS = frozenset({"testsuites", "testsuite"})
_OUTCOMES = {
    "failure": State.FAILED,
    "error": State.FAILED,
    "skipped": State.MISSING,
}
_NAME_LIMIT = 500
_DEPTH = 100
_EXCEPTION = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?::|\s*$)")


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test: its name, its outcome, and the class of its exception."""

    __test__ = False

    name: str
    state: State
    exception: str = ""


@dataclass(frozen=True)
class Report:
    """A report: its tests, and the properties, host and times of its first suite that has them."""

    results: tuple[TestResult, ...]
    properties: Mapping[str, str]
    suite: str = ""
    host: str = ""
    started: datetime | None = None
    finished: datetime | None = None


def read_report(content: bytes) -> Report:
    """Parse a report.

    Raises:
        NoJunit: it is not well-formed, has a DTD, or is not JUnit XML.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise NoJunit(f"not well-formed XML: {error}") from None
    started = _time(reader.suite.get("timestamp", ""))
    return Report(
        tuple(reader.results()),
        reader.properties,
        clean_line(reader.suite.get("name", ""), _NAME_LIMIT),
        clean_line(reader.suite.get("hostname", ""), _NAME_LIMIT),
        started,
        _end(started, reader.suite.get("time", "")),
    )


@dataclass(slots=True)
class _Case:
    name: str
    states: list[State] = field(default_factory=list)
    exception: str = ""


class _Reader:
    """The parser's handlers."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.suite: dict[str, str] = {}
        self.properties: dict[str, str] = {}
        self._cases: dict[str, _Case] = {}
        self._case: _Case | None = None
        self._depth = 0

    def results(self) -> list[TestResult]:
        """The tests, merged by name: an error in teardown is a separate element."""
        return [TestResult(case.name, _worst(case.states), case.exception) for case in self._cases.values()]

    def _doctype(self, *_: object) -> None:
        raise NoJunit("it has a DTD, which could expand to anything")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._depth and name not in _ROOTS:
            raise NoJunit(f"not JUnit XML: it begins with <{clean_line(name, 40)}>")
        self._depth += 1
        if self._depth > _DEPTH:
            raise NoJunit("not JUnit XML: its elements are nested too deeply")
        if name == "testsuite":
            self.suite = attributes | self.suite
        elif name == "property" and self._case is None:
            self.properties.setdefault(
                attributes.get("name", ""), clean_line(attributes.get("value", ""), _NAME_LIMIT)
            )
        elif name == "testcase":
            title = _title(attributes)
            self._case = self._cases.setdefault(title, _Case(title))
            self._case.states.append(State.PASSED)
        elif name in _OUTCOMES and self._case is not None:
            self._case.states[-1] = _OUTCOMES[name]
            if _OUTCOMES[name] is State.FAILED:
                self._case.exception = self._case.exception or _exception(attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "testcase":
            self._case = None


def _worst(states: list[State]) -> State:
    """Return the outcome of a test with several elements."""
    return next(state for state in (State.FAILED, State.PASSED, State.MISSING) if state in states)


def _title(attributes: Mapping[str, str]) -> str:
    """Return the name of a test, independent of its outcome; with its file if the report has one."""
    name = attributes.get("name", "")
    where = attributes.get("classname", "")
    file = attributes.get("file", "")
    if file.endswith(".py"):
        module = file[:-3].replace("/", ".")
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
