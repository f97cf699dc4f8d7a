"""JUnit XML: the outcome of every test, and what the report says about its run. Pure.

The reader in `logs` yields the lines of failed tests; a history needs the tests that passed as well.
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
    """A test: its name, whether it passed, failed or was skipped, and the exception that failed it."""

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
    """Read a report.

    Raises:
        NoJunit: it is not well-formed, has a DTD, or is no JUnit XML.
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
    """The handlers of one pass over a report."""

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
        """The tests, each once: an error of its teardown is an element of its own."""
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
    """The outcome of a test with several elements."""
    return next(state for state in (State.FAILED, State.PASSED, State.MISSING) if state in states)


def _title(attributes: Mapping[str, str]) -> str:
    """The name of a test, the same whether it passes or fails; with its file only if that is written."""
    name = attributes.get("name", "")
    where = attributes.get("classname", "")
    file = attributes.get("file", "")
    if file.endswith(".py"):
        module = file[:-3].replace("/", ".")
        classes = where.removeprefix(module).strip(".").split(".") if where.startswith(module) else []
        return clean_line("::".join(filter(None, (file, *classes, name))), _NAME_LIMIT)
    return clean_line("::".join(filter(None, (where, name))), _NAME_LIMIT) or "unnamed test"


def _exception(attributes: Mapping[str, str]) -> str:
    """The class of an exception, by the type of a failure or the beginning of its message."""
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
    """When a suite ended; when it began, where its duration is nonsense."""
    try:
        return None if started is None else started + timedelta(seconds=float(seconds))
    except (ValueError, OverflowError):
        return started
