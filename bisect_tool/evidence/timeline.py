"""Date the start, readiness and end of each process of a trial, by its log lines and the process table.

The lines are the milestones of patterns.toml, and of the scenario. A line that an engine does not print
leaves its milestone unknown.
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
# A process may be seen by the guardian only after its first line, and end before its last one is stamped.
_MARGIN_S = 2.0


class ProcessTimeline(BaseModel):
    """When one process reached each milestone: epoch seconds, None if unknown.

    Attributes:
        role: `Worker_DP1`, `Launcher`, `ResourceTracker`; empty if unknown.
        pid: its id; `parent` is that of the process that it was first seen below.
        source: stem of the log it, or the launcher above it, wrote to.
        title: its command line when it was last looked at, cleaned.
        spawned: when it was started, from its process table entry.
        imports_done: its first line of its own; what its entry point imports took no longer.
        handshake: it had met its peers: the launcher its engine, the engine its launcher, ranks one another.
        ready: it could do its work.
        first_request: an API server answered a request for the first time, probes of its health left out.
        sigterm: it began to shut down on SIGTERM.
        exit: it was found gone.
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
    """A process as the table of processes showed it; times in epoch seconds, `gone` None while it ran.

    `role` is read from its title (`Worker_DP1` from `ENGINE::Worker_DP1`); empty if there is none.
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
        lines: of all logs, those of each one in their order.
        table: every process of the trial that was seen.
        known: the table of milestones, including those of the scenario.

    Processes of the engine are those that a log line or a title names, their launchers, and what ran below
    them; at most `PROCESSES_KEPT`, those with a name first. Empty where nothing is named: a plain command.
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
        """Take a more specific role: `Worker_DP0` rather than `Worker`."""
        if len(role) > len(self.role):
            self.role = role

    def pass_(self, milestones: Iterable[str], time: float) -> None:
        """Record when a milestone was reached first."""
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
    """The state of one pass: a draft for every process in the table, and for those that only logs name."""

    def __init__(self, table: Sequence[TableEntry], known: Patterns) -> None:
        self._known = known
        self._drafts: dict[int, list[_Draft]] = {}
        for entry in sorted(table, key=lambda entry: entry.spawned):
            self._drafts.setdefault(entry.pid, []).append(_Draft(entry.pid, entry))
        self._unnamed: dict[tuple[str, Milestone], float] = {}
        self._strangers = 0

    def feed(self, line: LogLine) -> None:
        """Read a line; only those that name a process or have a milestone matter."""
        if not self._known.may_date(line.text):
            return
        said = parse_line(line.text, self._known)
        if said.pid is None:
            if said.level:
                for milestone in self._milestones(said.text):
                    self._unnamed.setdefault((line.source, milestone), line.time)
            return
        draft = self._draft(said.pid, line.time)
        if draft is not None:
            self._hear(draft, said, line)

    def timelines(self) -> Iterator[ProcessTimeline]:
        """The processes of the engine."""
        for draft in self._all():
            if draft.entry is not None:
                draft.name(draft.entry.role)
        self._name_launchers()
        engine = self._engine()
        for (source, milestone), time in self._unnamed.items():
            self._attribute(engine, source, milestone, time)
        return (draft.timeline() for draft in engine)

    def _hear(self, draft: _Draft, said: ParsedLine, line: LogLine) -> None:
        draft.name(said.role)
        draft.source = draft.source or line.source
        draft.pass_(("imports_done",), line.time)
        for milestone in self._milestones(said.text):
            if self._role(draft) == milestone.role:
                draft.pass_(milestone.reaches, line.time)

    def _milestones(self, text: str) -> Iterator[Milestone]:
        return (milestone for milestone in self._known.milestones if milestone.is_in(text))

    def _role(self, draft: _Draft) -> str:
        return general_role(draft.role, self._known)

    def _draft(self, pid: int, time: float) -> _Draft | None:
        """The process that had this pid then; None if it is no pid, or if too many processes are kept."""
        known = self._drafts.get(pid, [])
        ran = [draft for draft in known if draft.entry is None or draft.entry.spawned <= time + _MARGIN_S]
        if ran:
            return ran[-1]
        if known or not 0 < pid <= _LARGEST_PID or self._strangers >= PROCESSES_KEPT:
            return None
        self._strangers += 1
        self._drafts[pid] = [_Draft(pid, None)]
        return self._drafts[pid][0]

    def _all(self) -> list[_Draft]:
        return [draft for drafts in self._drafts.values() for draft in drafts]

    def _parent(self, draft: _Draft) -> _Draft | None:
        if draft.entry is None:
            return None
        rivals = self._drafts.get(draft.entry.parent, [])
        before = [
            rival
            for rival in rivals
            if rival is not draft and rival.entry and rival.entry.spawned <= draft.entry.spawned
        ]
        return before[-1] if before else None

    def _name_launchers(self) -> None:
        """A process without a name, below which named ones run, is their launcher."""
        for draft in self._all():
            below = self._role(draft) in self._known.launched and draft.role not in self._known.launchers
            parent = self._parent(draft)
            if below and parent is not None and not parent.role:
                parent.role = LAUNCHER

    def _engine(self) -> list[_Draft]:
        """The named processes and all that ran below them; each knows the log of those next to it."""
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
        """Attribute a line without a name to its writer, if there is only one possible."""
        rivals = [
            draft
            for draft in engine
            if draft.source == source and self._role(draft) == milestone.role and _ran(draft.entry, time)
        ]
        if len(rivals) == 1:
            rivals[0].pass_(("imports_done", *milestone.reaches), time)


def _ran(entry: TableEntry | None, time: float) -> bool:
    if entry is None:
        return False
    return entry.spawned - _MARGIN_S <= time <= (entry.gone or time) + _MARGIN_S
