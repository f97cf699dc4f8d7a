"""The table of known texts (`patterns.toml`): the event that a text means, and how far it is from a cause."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bisect_tool.evidence.check_expression import check_expression
from bisect_tool.evidence.clean_up import SIGNS
from bisect_tool.evidence.event import Event, EventKind, Severity
from bisect_tool.evidence.event_prefilter import LONG, EventPrefilter, line_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.evidence.line_format import LineFormat


SUITE = "suite"
"""The source of failures that pytest itself reported."""


class Stage(IntEnum):
    """How far an event is from the cause, in causal order.

    An event of a later stage is the root only if none of an earlier stage came before it.
    """

    CAUSE = 0
    TIMED_OUT = 4
    CRASHED = 5
    SIGNALLED = 8
    HANDLED = 9
    START_FAILED = 10
    ENGINE_FAILED = 20
    REPORTED_BY_SUITE = 24
    UNEXPLAINED = 25
    PARENT_GONE = 30
    WORKER_DIED = 35
    PIPE_BROKEN = 40
    LEAK = 45
    DIED = 50
    CLIENT_NOTIFIED = 55
    SERVER_GONE = 60
    SUITE = 70


_STAGES = tuple(Stage.__members__)
Step = Literal["imports_done", "handshake", "ready", "first_request", "sigterm"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pattern(_Model):
    """A text or exception to recognise in any line; patterns.toml describes the fields.

    Named groups of `regex` identify the process it is about: `pid`, `rank`, `role`.
    """

    text: str = ""
    exception: str = ""
    regex: str = ""
    stage: str
    kind: EventKind = "log"
    severity: Severity = "error"
    role: str = ""
    fatal: bool = False

    @model_validator(mode="after")
    def _check(self) -> Pattern:
        if not (self.text or self.exception or self.regex):
            raise ValueError("a pattern needs a `text`, an `exception` or a `regex`")
        if self.exception and not re.fullmatch(r"\w+", self.exception):
            raise ValueError(f"`exception` must be a class name without its module, not {self.exception!r}")
        check_expression(self.regex)
        if self.stage.upper() not in _STAGES:
            raise ValueError(f"`stage` must be one of {', '.join(stage.lower() for stage in _STAGES)}")
        return self

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The regular expression that the text matches."""
        return re.compile(
            self.regex or (rf"\b{self.exception}\b" if self.exception else re.escape(self.text))
        )

    @cached_property
    def causal_stage(self) -> Stage:
        """The stage, as a member of `Stage`."""
        return Stage[self.stage.upper()]

    @property
    def literal(self) -> str:
        """Text that every match contains: searching for it is much cheaper than matching."""
        return self.text or self.exception

    def match(self, text: str) -> re.Match[str] | None:
        """Return the match in `text`, or None."""
        return self.expression.search(text) if self.literal in text else None


class Milestone(_Model):
    """A text that shows when a process of `role` reached a step; `reaches` names the steps."""

    text: str
    regex: str = ""
    role: str
    reaches: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Milestone:
        check_expression(self.regex)
        return self

    @cached_property
    def expression(self) -> re.Pattern[str] | None:
        """The regular expression that the text matches too; None if the literal text is enough."""
        return re.compile(self.regex) if self.regex else None

    def is_in(self, text: str) -> bool:
        """Whether `text` has this milestone."""
        return self.text in text and (self.expression is None or bool(self.expression.search(text)))


class Section(_Model):
    """The patterns of one program; patterns.toml describes the fields."""

    packages: frozenset[str] = frozenset()
    source_files: dict[str, str] = Field(default_factory=dict)
    roles: tuple[str, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    launchers: frozenset[str] = frozenset()
    launched: frozenset[str] = frozenset()
    patterns: tuple[Pattern, ...] = ()
    milestones: tuple[Milestone, ...] = ()


@dataclass(frozen=True)
class Recognised:
    """A pattern that matched, and the process that its text names."""

    pattern: Pattern
    role: str = ""
    pid: int | None = None


class Patterns:
    """All sections, in the order in which they are tried."""

    def __init__(self, sections: Mapping[str, Section], line_format: LineFormat | None = None) -> None:
        self.sections = dict(sections)
        self.line_format = line_format
        all_sections = self.sections.values()
        self.packages = frozenset(name for section in all_sections for name in section.packages)
        self.source_files = {
            file: role for section in all_sections for file, role in section.source_files.items()
        }
        self.roles = tuple(dict.fromkeys(role for section in all_sections for role in section.roles))
        self.aliases = {name: role for section in all_sections for name, role in section.aliases.items()}
        self.launchers = frozenset(role for section in all_sections for role in section.launchers)
        self.launched = frozenset(role for section in all_sections for role in section.launched)
        self.milestones = tuple(each for section in all_sections for each in section.milestones)
        self._patterns = tuple(each for section in all_sections for each in section.patterns)
        # Every pattern is tried on each line that has any literal: this saves the calls of `Pattern.match`.
        self._by_literal = tuple((each.literal, each) for each in self._patterns)
        self._milestone_texts = tuple(dict.fromkeys(each.text for each in self.milestones))
        self._cache: dict[str, Recognised | None] = {}

    # Compiled when a log is first read: most processes do not read any.

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(each.literal) for each in self._patterns))

    @cached_property
    def _fatal(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(each.literal) for each in self._patterns if each.fatal))

    @cached_property
    def prefilter(self) -> EventPrefilter:
        """Decides which lines can begin an event."""
        return EventPrefilter((*_STEMS, *self._literals()))

    @cached_property
    def summary(self) -> re.Pattern[str]:
        """The regular expression of a line's head that is a role and a colon."""
        roles = "|".join(map(re.escape, self.roles))
        return re.compile(rf"(?P<role>(?:{roles})(?:[_-]\w+)?): (?=\S)")

    def recognise(self, text: str) -> Recognised | None:
        """Return the pattern that matches `text`: a line, or an exception with its message."""
        if text not in self._cache:
            if len(self._cache) > _CACHED:
                self._cache.clear()
            # In a long text, looking for any literal takes as long as looking for each.
            may_match = len(text) >= LONG or self._any.search(text)
            self._cache[text] = next(self._matches(text), None) if may_match else None
        return self._cache[text]

    def may_begin_event(self, block: str) -> bool:
        """Whether any line of a block can begin an event; cheap for healthy blocks."""
        return bool(self.prefilter.matching(line_shapes(block)))

    def may_matter_to_timeline(self, text: str) -> bool:
        """Whether a line can name a process or have a milestone; cheap for other lines."""
        return self.line_format is not None or "pid=" in text or self.may_have_milestone(text)

    def may_have_milestone(self, text: str) -> bool:
        """Whether a text can have a milestone."""
        # Several plain searches are faster than one regular expression.
        return any(literal in text for literal in self._milestone_texts)

    def may_be_fatal(self, text: str) -> bool:
        """Whether `text` contains the literal of a fatal pattern; cheap for healthy lines."""
        return bool(self._fatal.search(text))

    def is_fatal(self, text: str) -> bool:
        """Whether a server that prints `text`, without prefix, cannot become ready."""
        return any(pattern.fatal and pattern.match(text) for pattern in self._patterns)

    def _literals(self) -> list[str]:
        """Return the literals of patterns that are long enough to be rare."""
        return [each.literal for each in self._patterns if len(each.literal) > _SHORT_LITERAL]

    def extended(self, section: Section, line_format: LineFormat | None = None) -> Patterns:
        """Return these patterns, preceded by those of a scenario, with the format of its engine's lines."""
        extended = Patterns({_OWN: section, **self.sections}, line_format)
        literals = {each.literal.lower() for each in section.patterns}
        # If a level can be any word, or a pattern has no literal text, no line can be filtered out.
        matches_any = "" in literals or (line_format is not None and line_format.allows_any_level)
        extended.prefilter = EventPrefilter(("",) if matches_any else (*_STEMS, *self._literals(), *literals))
        return extended

    def is_own(self, file: str) -> bool:
        """Whether an installed file, by its path below site-packages, is the engine's own code."""
        return file.partition("/")[0] in self.packages

    def _matches(self, text: str) -> Iterator[Recognised]:
        for literal, pattern in self._by_literal:
            if literal in text and (match := pattern.expression.search(text)):
                named = match.groupdict()
                role = named.get("role") or (f"Rank_{named['rank']}" if named.get("rank") else "")
                pid = int(named["pid"]) if _PID.fullmatch(named.get("pid") or "") else None
                yield Recognised(pattern, role or pattern.role, pid)


_OWN = "scenario"
_PID = re.compile(r"[0-9]{1,9}")
_SHORT_LITERAL = 7
_CACHED = 4096
_STEMS = (
    *("error", "exception", "traceback", "fatal", "fail", "crit", "kill", "abort", "signal", "segfault"),
    *("caused by:", '"level":,', '"level": ,', ".go::: ", "... e ", "::, e  ]", "::, c  ]"),
    *("exit", "interrupt", "timeout", "panic", "died", "crash", "assert", "broken", "closed"),
    *("went wrong", ".py::", ".pyi::", "=====", "____"),
    *map(str.lower, SIGNS),
)
"""Texts in lines that begin an event: levels, exceptions, words of most patterns; marks of pytest and CI."""


def load(text: str) -> Patterns:
    """Return the patterns of a TOML text.

    Raises:
        ValueError: it is not TOML, or a section has an unknown or invalid field.
    """
    table: dict[str, Any] = tomllib.loads(text)
    return Patterns({name: Section.model_validate(section) for name, section in table.items()})


PATTERNS = load((Path(__file__).parent / "patterns.toml").read_text(encoding="utf-8"))


def known_stage(event: Event) -> Stage | None:
    """Return the stage of the event's own text; None if no pattern matches."""
    if event.stage is not None:
        return Stage[event.stage.upper()]
    known = PATTERNS.recognise(event.headline)
    return known.pattern.causal_stage if known else None


def stage(event: Event) -> Stage:
    """Return how far `event` is from a cause."""
    if event.source == SUITE and event.kind in {"test", "hang"}:
        return Stage.SUITE
    known = known_stage(event)
    if known is not None:
        return known
    if event.kind == "leak":
        return Stage.LEAK
    return Stage.CAUSE if event.kind == "exception" else Stage.UNEXPLAINED
