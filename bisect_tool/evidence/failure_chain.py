"""Build failure chains: the root cause first, then its consequences."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from bisect_tool.evidence.event import Event, SuiteFailure
from bisect_tool.evidence.parsed_line import TEST
from bisect_tool.evidence.patterns import PATTERNS, SUITE, Patterns, Stage, stage
from bisect_tool.evidence.signature import Signature, engine_frame, normalise, signature_of
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

CHAIN_KEPT = 40
_OLDER_KEPT = 20
_EXCERPT_LINES = 30
# Event times are when lines were seen: two logs are read within this many seconds of each other.
_SIMULTANEOUS = 0.25
_WHOLE_SECONDS = 1.0
_HANGS = ("Hang", "Hung")
_DEADLY = frozenset(
    {
        Stage.TIMED_OUT,
        Stage.CRASHED,
        Stage.SIGNALLED,
        Stage.START_FAILED,
        Stage.ENGINE_FAILED,
        Stage.WORKER_DIED,
        Stage.DIED,
    }
)
"""Stages of a process that failed or died: a later exception is not the cause of that."""
_ABOUT_LEAKS = re.compile(
    r"leak|shared.?memory|shm|semaphore|resource_track|teardown|shutdown", re.IGNORECASE
)


class Failure(BaseModel):
    """A failure with its chain of events: `chain[0]` is `root`, the rest follows in causal order.

    `other_signatures` has the signatures of unrelated failures in the same run, and `older` the errors before
    the root, which have another cause.
    """

    model_config = ConfigDict(frozen=True)

    root: Event
    chain: tuple[Event, ...]
    signature: Signature
    excerpt: str
    # Trials of earlier versions are stored with the second name.
    other_signatures: tuple[Signature, ...] = Field(
        (), validation_alias=AliasChoices("other_signatures", "beside")
    )
    older: tuple[Event, ...] = ()

    @cached_property
    def signatures(self) -> frozenset[Signature]:
        """The signatures of all events of the chain, and of older errors."""
        return frozenset(map(signature_of, (*self.chain, *self.older)))


def explain(
    events: Iterable[Event],
    suite_failure: SuiteFailure | None,
    parents: Mapping[int, int],
    known: Patterns = PATTERNS,
) -> Failure:
    """Return the failure chain of one cell.

    Args:
        events: the events of the engine's processes while the cell ran.
        suite_failure: the failure that pytest reported; None if the suite was killed before.
        parents: process id -> parent's process id, as seen in the trial.
        known: the table of patterns, including those of the scenario.

    Causes come before their consequences: events are ordered by stage (see `known`), then by time. Of events
    at the same time, a process comes before its ancestors. The suite's failure is the root if no event
    explains it.
    """
    suite = _suite_event(suite_failure, known) if suite_failure else None
    reported = [event for event in events if suite is None or not _is_same_exception(event, suite)]
    return _failure(reported, suite, parents)


def failure_without_good_events(failure: Failure, good: Collection[Signature]) -> Failure:
    """Return the failure without the events that also occur in passing runs.

    The suite's own failure is kept.
    """
    if failure.signatures.isdisjoint(good):
        return failure
    suite = next((event for event in failure.chain if stage(event) is Stage.SUITE), None)
    logged = [event for event in (*failure.older, *failure.chain) if event is not suite]
    return _failure(without_good_events(logged, good), suite, {}).model_copy(
        update={"other_signatures": failure.other_signatures}
    )


def without_good_events(events: Iterable[Event], good: Collection[Signature]) -> list[Event]:
    """Return the events that do not occur in passing runs."""
    return [event for event in events if signature_of(event) not in good]


def _failure(events: Sequence[Event], suite: Event | None, parents: Mapping[int, int]) -> Failure:
    engine = _serious(events, suite)
    # A leak ends up in a log because something else ended the process.
    ordered = sorted(
        engine,
        key=lambda event: (suite is None and event.kind == "leak", _stage(event, suite), event.time),
    )
    ordered = _root_first(_prefer_earlier_deaths(ordered), parents)
    older = _distinct(event for event in ordered if _is_before(event, ordered[0]))
    ordered = _distinct(_drop_before_root(ordered))
    if suite is not None:
        ordered.append(suite)
        if len(ordered) > 1 and not _explains(ordered[0], suite):
            ordered.insert(0, ordered.pop())
    if not ordered:
        ordered = [_no_evidence()]
    chain = tuple(ordered[: CHAIN_KEPT - 1] + ordered[CHAIN_KEPT - 1 :][-1:])
    return Failure(
        root=chain[0],
        chain=chain,
        signature=signature_of(chain[0]),
        excerpt=_excerpt(chain),
        older=tuple(older[:_OLDER_KEPT]),
    )


def _suite_event(failure: SuiteFailure, known: Patterns) -> Event:
    event = Event(
        time=failure.time,
        source=SUITE,
        role=TEST,
        kind="hang" if failure.exception.endswith(_HANGS) else "test",
        severity="error",
        exception=clean_line(failure.exception, 200),
        message=clean_line(failure.message.strip().partition("\n")[0], 500),
        frames=failure.frames,
        lines=tuple(clean_line(line) for line in failure.message.splitlines()[:60]),
        own_frame=engine_frame(failure.frames, known),
    )
    found = known.recognise(event.headline)
    return event.model_copy(update={"stage": found.pattern.causal_stage.name.lower()}) if found else event


def _no_evidence() -> Event:
    return Event(time=0.0, source=SUITE, role=TEST, kind="test", severity="error", message="no evidence")


def _is_same_exception(event: Event, suite: Event) -> bool:
    """Whether `event` is the suite's own exception, read from a log."""
    return event.role == TEST and event.headline == suite.headline


def _serious(events: Sequence[Event], suite: Event | None) -> list[Event]:
    """Return errors and leaks, and the informational events of processes that reported one."""
    serious = [event for event in events if event.severity == "error" or event.kind == "leak"]
    serious = [event for event in serious if suite is None or not _is_too_late(event, suite)]
    failed_processes = {_process(event) for event in serious}
    context = [event for event in events if event.severity == "info" and _process(event) in failed_processes]
    return serious + context


def _is_too_late(event: Event, suite: Event) -> bool:
    """Whether `event` results from shutting down the servers after the suite had failed."""
    if suite.kind == "hang":
        return event.time > suite.time
    late = event.time > suite.time + _SIMULTANEOUS and stage(event) >= Stage.PARENT_GONE
    return late and not _is_about_leaks(suite)


def _process(event: Event) -> tuple[str, int | str]:
    return event.source, event.role if event.pid is None else event.pid


def _stage(event: Event, suite: Event | None) -> Stage:
    """Return the stage of `event`; a leak reported by the suite outranks unexplained errors."""
    if event.kind == "leak" and suite is not None and _is_about_leaks(suite):
        return Stage.REPORTED_BY_SUITE
    return stage(event)


def _is_about_leaks(suite: Event) -> bool:
    return any(
        _ABOUT_LEAKS.search(text) for text in (*suite.lines, *(frame.function for frame in suite.frames))
    )


def _explains(root: Event, suite: Event) -> bool:
    """Whether an event of a process can be the cause of the suite's failure."""
    if suite.kind == "hang":
        # Hanging servers are killed, which causes broken pipes and leaked memory.
        return stage(root) < Stage.REPORTED_BY_SUITE
    return root.severity != "info" and (root.kind != "leak" or _is_about_leaks(suite))


def _root_first(ordered: list[Event], parents: Mapping[int, int]) -> list[Event]:
    """Move the root to the front: an error or warning; at one stage and time, the deepest descendant's."""
    root = next((event for event in ordered if event.severity != "info"), None)
    if root is None:
        return ordered
    simultaneous = [
        event
        for event in ordered
        if stage(event) is stage(root)
        and event.time - root.time <= _SIMULTANEOUS
        and root.pid in _ancestors(event.pid, parents)
    ]
    deepest = max(simultaneous, key=lambda event: len(_ancestors(event.pid, parents)), default=root)
    return [deepest, *(event for event in ordered if event is not deepest)]


def _prefer_earlier_deaths(ordered: list[Event]) -> list[Event]:
    """Move the root to the front: if a process failed or died before it, that event is the root."""
    root = next((event for event in ordered if event.severity != "info"), None)
    while root is not None:
        at = root
        earlier = [event for event in ordered if _failed_before(event, at)]
        root = next((event for event in earlier if event.severity == "error"), None)
        if root is None:
            return [at, *(event for event in ordered if event is not at)]
    return ordered


def _failed_before(event: Event, root: Event) -> bool:
    """Whether a process failed or died before `root`, which is not how that process ended."""
    if stage(event) is Stage.WORKER_DIED and stage(root) is Stage.SIGNALLED:
        return False  # that a process is dead is often noticed before its exit code is read
    # What a process raises at once after its time-out is a consequence.
    timed_out = stage(event) is Stage.TIMED_OUT and _process(event) == _process(root)
    if timed_out and event.line < root.line and event.time <= root.time:
        return True
    return stage(event) in _DEADLY and _is_before(event, root)


def _drop_before_root(ordered: list[Event]) -> list[Event]:
    """Drop the events before the root, which cannot be its consequences."""
    return [event for event in ordered if not _is_before(event, ordered[0])]


def _is_before(event: Event, other: Event) -> bool:
    """Whether `event` is older than `other`, by more than their clocks may differ."""
    whole_seconds = event.time.is_integer() or other.time.is_integer()
    return event.time < other.time - (_WHOLE_SECONDS if whole_seconds else _SIMULTANEOUS)


def _ancestors(pid: int | None, parents: Mapping[int, int]) -> list[int]:
    line: list[int] = []
    while pid is not None and pid in parents and parents[pid] not in line:
        pid = parents[pid]
        line.append(pid)
    return line


def _distinct(events: Iterable[Event]) -> list[Event]:
    """Return the first event of each signature, in order: four API servers may die of one cause."""
    first: dict[Signature, Event] = {}
    for event in events:
        first.setdefault(signature_of(event), event)
    return list(first.values())


def _excerpt(chain: Sequence[Event]) -> str:
    """Return an excerpt for an issue: the root's lines, then one line for each consequence."""
    root, *consequences = chain
    lines = list(root.lines) or [
        f'  File "{frame.file}", line {frame.line}, in {frame.function}' for frame in root.frames
    ]
    if len(lines) > _EXCERPT_LINES:
        lines = [*lines[:10], "...", *lines[-(_EXCERPT_LINES - 11) :]]
    if not any(normalise(root.headline) in normalise(line) for line in lines):
        lines.append(root.headline)
    return "\n".join(
        [
            _writer(root),
            *(f"    {line}" for line in lines),
            *(f"-> {_writer(event)} {event.headline}" for event in consequences),
        ]
    )


def _writer(event: Event) -> str:
    return f"{event.role} (pid {event.pid}):" if event.pid is not None else f"{event.role}:"
