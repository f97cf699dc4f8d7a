"""Determine when each process of a trial started, was ready and ended, by log lines and the process table.

The lines are the milestones of patterns.toml and of the scenario. If an engine does not print a line, its
milestone is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.evidence.parsed_line import LAUNCHER, parse_line
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.evidence.signature import general_role
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.evidence.line import LogLine
    from bisect_tool.evidence.parsed_line import ParsedLine
    from bisect_tool.evidence.patterns import Milestone, Patterns

PROCESSES_KEPT = 200
RESOURCE_TRACKER = "ResourceTracker"
_ROLE_LIMIT, _TITLE_LIMIT, _SOURCE_LIMIT = 60, 200, 100
_LARGEST_PID = 1 << 22  # PID_MAX_LIMIT, linux/threads.h
# The guardian may see a process after its first line, and its last line may be stamped after its end.
_MARGIN_S = 2.0


class ProcessTimeline(BaseModel):
    """When one process reached each milestone: epoch seconds, None if unknown.

    Attributes:
        role: `Worker_DP1`, `Launcher`, `ResourceTracker`; empty if unknown.
        pid: its process id; `parent` is that of its first known parent.
        source: stem of the log that it, or its launcher, wrote to.
        title: its last known command line, cleaned.
        spawned: when it was started, according to the process table.
        imports_done: when it printed its first line; its entry point had been imported by then.
        handshake: when it was connected to its peers: launcher and engine, or ranks.
        ready: when it could do its work.
        first_request: when an API server first answered a request other than a health probe.
        sigterm: when it began to shut down on SIGTERM.
        exit: when it was found gone.
    """

    model_config = ConfigDict(frozen=True)

    role: str
    pid: int
    parent: int | None = None
    source: str = ""
    title: str = ""
    spawned: float | None = None
    imports_done: float | None = None
    handshake: float | None = None
    ready: float | None = None
    first_request: float | None = None
    sigterm: float | None = None
    exit: float | None = None


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A process in the process table; times are epoch seconds, and `gone` is None while it ran.

    `role` is read from its title (`Worker_DP1` from `ENGINE::Worker_DP1`); empty if the title has none.
    """

    pid: int
    parent: int
    spawned: float
    gone: float | None
    title: str
    role: str = ""


_TRACKER = re.compile(r"\bmultiprocessing[./]resource_tracker\b")


def read_timeline(
    lines: Iterable[LogLine], table: Sequence[TableEntry], known: Patterns = PATTERNS
) -> tuple[ProcessTimeline, ...]:
    """Return the timeline of every process of the engine, by the time at which it was spawned.

    Args:
        lines: the lines of all logs; those of one log in order.
        table: every process of the trial that was seen.
        known: the table of patterns, including the milestones of the scenario.

    The engine's processes are those that a log line or a title names, their launchers, and their descendants:
    at most `PROCESSES_KEPT`, named ones first. Empty if none is named, as for a plain command.
    """
    reader = _Reader(table, known)
    for line in lines:
        reader.feed(line)
    kept = sorted(reader.timelines(), key=lambda item: (not item.role, _age(item)))[:PROCESSES_KEPT]
    return tuple(sorted(kept, key=_age))


def _age(item: ProcessTimeline) -> tuple[float, int]:
    return item.spawned or item.imports_done or 0.0, item.pid


@dataclass(slots=True)
class _Draft:
    """The timeline of one process while the logs are read."""

    pid: int
    entry: TableEntry | None
    role: str = ""
    source: str = ""
    times: dict[str, float] = field(default_factory=dict)

    def name(self, role: str) -> None:
        """Set the role if it is more specific: `Worker_DP0` rather than `Worker`."""
        if len(role) > len(self.role):
            self.role = role

    def reach(self, milestones: Iterable[str], time: float) -> None:
        """Record when milestones were first reached."""
        for milestone in milestones:
            self.times.setdefault(milestone, time)

    def timeline(self) -> ProcessTimeline:
        entry = self.entry
        times = dict(self.times)
        if entry is not None:
            times["spawned"] = entry.spawned
            if entry.gone is not None:  # its last line may have been stamped a little later
                times["exit"] = max(entry.gone, *times.values())
        return ProcessTimeline(
            role=clean_line(self.role, _ROLE_LIMIT),
            pid=self.pid,
            parent=entry.parent if entry else None,
            source=clean_line(self.source, _SOURCE_LIMIT),
            title=clean_line(entry.title, _TITLE_LIMIT) if entry else "",
            **{milestone: round(time, 3) for milestone, time in times.items()},
        )


class _Reader:
    """The state of one pass: a draft of every process in the table or in the logs."""

    def __init__(self, table: Sequence[TableEntry], known: Patterns) -> None:
        self._known = known
        self._drafts: dict[int, list[_Draft]] = {}
        for entry in sorted(table, key=lambda entry: entry.spawned):
            self._drafts.setdefault(entry.pid, []).append(_Draft(entry.pid, entry))
        self._unnamed: dict[tuple[str, Milestone], float] = {}
        self._unlisted = 0

    def feed(self, line: LogLine) -> None:
        """Read a line; lines that neither name a process nor have a milestone are ignored."""
        if not self._known.may_matter_to_timeline(line.text):
            return
        parsed = parse_line(line.text, self._known)
        if parsed.pid is None:
            if parsed.level:
                for milestone in self._milestones(parsed.text):
                    self._unnamed.setdefault((line.source, milestone), line.time)
            return
        draft = self._draft(parsed.pid, line.time)
        if draft is not None:
            self._record_line(draft, parsed, line)

    def timelines(self) -> Iterator[ProcessTimeline]:
        """Yield the timelines of the engine's processes."""
        for draft in self._all():
            if draft.entry is not None:
                draft.name(draft.entry.role)
        self._name_launchers()
        engine = self._engine()
        for (source, milestone), time in self._unnamed.items():
            self._attribute(engine, source, milestone, time)
        return (draft.timeline() for draft in engine)

    def _record_line(self, draft: _Draft, parsed: ParsedLine, line: LogLine) -> None:
        draft.name(parsed.role)
        draft.source = draft.source or line.source
        draft.reach(("imports_done",), line.time)
        for milestone in self._milestones(parsed.text):
            if self._role(draft) == milestone.role:
                draft.reach(milestone.reaches, line.time)

    def _milestones(self, text: str) -> Iterator[Milestone]:
        return (milestone for milestone in self._known.milestones if milestone.is_in(text))

    def _role(self, draft: _Draft) -> str:
        return general_role(draft.role, self._known)

    def _draft(self, pid: int, time: float) -> _Draft | None:
        """Return the process with this pid at a time; None if the pid is invalid or the limit is reached."""
        known = self._drafts.get(pid, [])
        ran = [draft for draft in known if draft.entry is None or draft.entry.spawned <= time + _MARGIN_S]
        if ran:
            return ran[-1]
        if known or not 0 < pid <= _LARGEST_PID or self._unlisted >= PROCESSES_KEPT:
            return None
        self._unlisted += 1
        self._drafts[pid] = [_Draft(pid, None)]
        return self._drafts[pid][0]

    def _all(self) -> list[_Draft]:
        return [draft for drafts in self._drafts.values() for draft in drafts]

    def _parent(self, draft: _Draft) -> _Draft | None:
        if draft.entry is None:
            return None
        matching = self._drafts.get(draft.entry.parent, [])
        before = [
            other
            for other in matching
            if other is not draft and other.entry and other.entry.spawned <= draft.entry.spawned
        ]
        return before[-1] if before else None

    def _name_launchers(self) -> None:
        """Name the parents of named processes: a parent without a name is a launcher."""
        for draft in self._all():
            below = self._role(draft) in self._known.launched and draft.role not in self._known.launchers
            parent = self._parent(draft)
            if below and parent is not None and not parent.role:
                parent.role = LAUNCHER

    def _engine(self) -> list[_Draft]:
        """Return the named processes and their descendants, with logs taken from children or parents."""
        drafts = sorted(self._all(), key=lambda draft: draft.entry.spawned if draft.entry else 0.0)
        for draft in drafts:
            parent = self._parent(draft)
            if draft.source and parent is not None and parent.role and not parent.source:
                parent.source = draft.source
        engine: list[_Draft] = []
        inside: set[int] = set()
        for draft in drafts:  # parents come before their children
            parent = self._parent(draft)
            below = parent is not None and id(parent) in inside
            if not draft.role and not below:
                continue
            if parent is not None and below:
                draft.source = draft.source or parent.source
            if not draft.role and draft.entry is not None and _TRACKER.search(draft.entry.title):
                draft.role = RESOURCE_TRACKER
            inside.add(id(draft))
            engine.append(draft)
        return engine

    def _attribute(self, engine: Iterable[_Draft], source: str, milestone: Milestone, time: float) -> None:
        """Attribute a line without a pid to its writer, if only one process is possible."""
        matching = [
            draft
            for draft in engine
            if draft.source == source and self._role(draft) == milestone.role and _ran(draft.entry, time)
        ]
        if len(matching) == 1:
            matching[0].reach(("imports_done", *milestone.reaches), time)


def _ran(entry: TableEntry | None, time: float) -> bool:
    if entry is None:
        return False
    return entry.spawned - _MARGIN_S <= time <= (entry.gone or time) + _MARGIN_S
