"""Parse log lines in the format that a scenario gives for its engine: a regular expression, or JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bisect_tool.evidence.check_expression import check_expression

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "json"
PARTS = ("message", "level", "time", "role", "pid", "rank", "traceback")
"""The parts of a line."""
_DEFAULT_FIELDS = {
    "message": (
        *("message", "msg", "fields.message", "event", "MESSAGE", "@message", "@m", "@mt"),
        *("jsonPayload.message", "textPayload", "short_message", "text", "body", "log"),
    ),
    "level": (
        *("level", "severity", "levelname", "lvl", "log.level", "record.level.name"),
        *("severityText", "severity_text", "PRIORITY", "@level", "@l"),
    ),
    "time": ("timestamp", "time", "ts", "asctime", "@timestamp", "@t", "record.time.repr"),
    "role": ("role", "processName", "process_name", "component", "service", "record.process.name"),
    "pid": ("pid", "process", "process.pid", "record.process.id", "_PID"),
    "rank": ("rank", "span.rank"),
    "traceback": (
        *("traceback", "exception", "exc_info", "exc_text", "stack_trace", "stack", "stacktrace"),
        *("error.stack_trace", "err.stack", "error.stack", "full_message", "@x"),
    ),
}
_REASONS = ("error.message", "err.message", "error", "err", "panic", "reason")
"""Fields with the reason of an error, in addition to the message, in loggers of Go and Node."""
_BAD = frozenset({"ERROR", "CRITICAL", "FATAL", "PANIC", "ERR"})
# Numeric levels of syslog, and of loggers that count in tens.
_NUMBERED = {
    **dict.fromkeys(("0", "1", "2", "60"), "CRITICAL"),
    **dict.fromkeys(("3", "50"), "ERROR"),
    **dict.fromkeys(("4", "40"), "WARNING"),
    **dict.fromkeys(("5", "6", "30"), "INFO"),
    **dict.fromkeys(("7", "10", "20"), "DEBUG"),
}
_HEADER = "Traceback (most recent call last):"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a line; missing ones are empty."""

    message: str
    level: str = ""
    time: str = ""
    role: str = ""
    pid: str = ""
    rank: str = ""
    traceback: str = ""


class LineFormat(BaseModel):
    """How to find the parts of a line.

    Attributes:
        format: `json`, or a regular expression whose named groups are `PARTS`.
        fields: with JSON, the field of each part; dots lead into objects (`log.level`).
        levels: the engine's name (or number) of a level -> its name in Python's logging.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    fields: dict[str, str] = Field(default_factory=dict)
    levels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> LineFormat:
        wrong = [part for part in self.fields if part not in PARTS]
        if wrong:
            raise ValueError(f"`fields` has {wrong[0]!r}, which is not one of {', '.join(PARTS)}")
        if self.fields and self.format != JSON:
            raise ValueError('`fields` is for `format = "json"`; with a regular expression, use named groups')
        wrong = [level for level in self.levels.values() if level not in LEVELS]
        if wrong:
            raise ValueError(f"`levels` has {wrong[0]!r}, which is not one of {', '.join(LEVELS)}")
        if self.format != JSON:
            self._check_groups()
        return self

    def _check_groups(self) -> None:
        check_expression(self.format)
        groups = set(re.compile(self.format).groupindex)
        if "message" not in groups:
            raise ValueError('`format` must be "json" or a regular expression with a group (?P<message>...)')
        if unknown := sorted(groups - set(PARTS)):
            raise ValueError(f"`format` has a group {unknown[0]!r}, which is not one of {', '.join(PARTS)}")

    @property
    def is_json(self) -> bool:
        """Whether lines are JSON objects."""
        return self.format == JSON

    @property
    def allows_any_level(self) -> bool:
        """Whether a level may be any word, so that no line can be skipped for its lack of known words."""
        return bool(self.levels) or not self.is_json

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The compiled regular expression."""
        return re.compile(self.format)

    def match(self, text: str) -> Parts | None:
        """Return the parts of a line that the expression matches; None for other lines, and for JSON."""
        found = None if self.is_json else self.expression.match(text)
        if found is None:
            return None
        parts = {name: (part or "").strip() for name, part in found.groupdict().items()}
        level = self._level(parts.get("level", ""))
        return Parts(**{**parts, "message": found["message"] or "", "level": level})

    def parts(self, record: Mapping[str, Any]) -> Parts | None:
        """Return the parts of a JSON record; None without message and traceback, or for another format."""
        if not self.is_json:
            return None
        found = {part: _text(self._field(record, part)) for part in PARTS}
        if self._level(found["level"]) in _BAD:
            found["message"] = _with_reason(found["message"], record)
        if not found["message"] and not found["traceback"]:
            return None
        return Parts(**{**found, "level": self._level(found["level"])})

    def _field(self, record: Mapping[str, Any], part: str) -> object:
        """Return the value of a part: that of the scenario's field, else of a field with a usual name."""
        names = (self.fields[part],) if part in self.fields else _DEFAULT_FIELDS.get(part, ())
        return next((value for name in names if (value := _lookup(record, name)) is not None), None)

    def _level(self, name: str) -> str:
        """Return a level's name in Python's logging, if known; else its name in capitals."""
        return self.levels.get(name) or _NUMBERED.get(name) or name.upper()


def _with_reason(message: str, record: Mapping[str, Any]) -> str:
    """Return the message of an error, with its reason if another field has a single line with one."""
    reasons = (value for name in _REASONS if isinstance(value := _lookup(record, name), str))
    reason = next(reasons, "").strip()
    return message if not reason or "\n" in reason or reason in message else f"{message}: {reason}"


def _lookup(record: Mapping[str, Any], name: str) -> object:
    if name in record:
        return record[name]
    value: Any = record
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    """Return a field as text: a list (such as a stack) with one item per line, an exception as its stack."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return _exception_text(value)
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _exception_text(record: Mapping[str, Any]) -> str:
    """Return the stack of an exception that is an object, in structlog's form or as text; else empty."""
    if stack := next((record[name] for name in _STACKS if isinstance(record.get(name), str)), ""):
        return str(stack)
    name = _text(_lookup(record, "exc_type")) or _text(_lookup(record, "type"))
    message = _text(_lookup(record, "exc_value")) or _text(_lookup(record, "message"))
    frames = record.get("frames")
    stack = (
        [_frame_text(frame) for frame in frames if isinstance(frame, dict)]
        if isinstance(frames, list)
        else []
    )
    header = [_HEADER] if name else []
    return "\n".join([*header, *stack, ": ".join(filter(None, (name, message)))])


_STACKS = ("stack_trace", "stacktrace", "stack", "traceback")


def _frame_text(frame: Mapping[str, Any]) -> str:
    return f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'


JSON_LINES = LineFormat(format=JSON)
"""JSON in which every part is in a field with a usual name."""
