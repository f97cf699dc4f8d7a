"""Determine each cell's outcome and evidence from the streamed report and the logs."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.evidence import (
    Event,
    Failure,
    Frame,
    LogLine,
    ProcessTimeline,
    Signature,
    SuiteFailure,
    TableEntry,
    explain,
    read_events,
    read_timeline,
    signature_of,
)
from bisect_tool.evidence.log_settings import EngineLogs
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.pytest_plugin.stream_reader import (
    Collected,
    CrashReport,
    Finished,
    Phase,
    Started,
    Uncollectable,
    Unread,
    read_stream,
)
from bisect_tool.sanitise import clean, clean_line, redact, secret_values
from bisect_tool.supervise.journal import read_journal
from bisect_tool.supervise.processes import since_epoch
from bisect_tool.trial.log_lines import ALWAYS, Relevance, TrialLogs, merged_lines
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bisect_tool.evidence.patterns import Patterns

SUITE_LOG = "suite"
NO_SUCH_TEST = "there is no such test at this commit"
NONE_THERE = "none of these tests exists at this commit"
NONE_SELECTED = "no test is selected at this commit"
_MARGIN_S = 1.0
_PRINTED_KEPT = 200
_UNKNOWN = EngineLogs()


@dataclass
class _Cell:
    started: float
    phases: list[Phase] = field(default_factory=list)

    def add(self, phase: Phase) -> None:
        """Add a phase; if a plugin reruns a cell, the last run counts."""
        if phase.phase == "setup":
            self.phases.clear()
        self.phases.append(phase)

    @property
    def ended(self) -> bool:
        return any(phase.phase == "teardown" for phase in self.phases)


@dataclass(frozen=True)
class SuiteExit:
    """How the suite's process ended: the guardian's reason, the time (epoch seconds), the exit code."""

    reason: str
    time: float
    code: int | None = None


def collect(  # noqa: PLR0913 - what a trial left, and what is known of it
    stream: Path,
    logs: Path,
    parents: Mapping[int, int],
    ending: SuiteExit,
    wanted: Sequence[str] | None,
    *,
    engine: EngineLogs = _UNKNOWN,
) -> tuple[CellResult, ...]:
    """Return the outcome of every collected (or `wanted`) cell, in the suite's order.

    `engine` has the known formats and patterns of the engine's logs.

    A cell that was running when the trial was ended is HUNG; one that had not started, or that the commit
    does not have, is ERRORED.
    """
    suite = _Suite.read(stream)
    evidence = _Evidence(logs, parents, engine)
    return tuple(
        _result(name, suite.cells[name], evidence, ending)
        if name in suite.cells
        else CellResult(cell=name, outcome=Outcome.ERRORED, reason=suite.why_missing(name, ending))
        for name in dict.fromkeys((*suite.order, *(wanted or ())))
    )


def collect_project(stream: Path, ending: SuiteExit, wanted: Sequence[str] | None) -> tuple[CellResult, ...]:
    """As `collect`, for the tests of any Python project.

    A file that cannot be collected is a failed cell, since its tests are unknown; a requested file that can
    be collected is a passed one. A cell during which the process died is FAILED. The evidence is pytest's
    report of a test with its captured output: the process's log contains the output of all tests.
    """
    suite = _Suite.read(stream)
    evidence = _Evidence(None, {}, _UNKNOWN)

    def result(name: str) -> CellResult:
        file = name.partition("::")[0]
        if name in suite.cells:
            return _result(name, suite.cells[name], evidence, suite.died(ending))
        if name in suite.uncollectable:
            return _unreadable(name, suite.uncollectable[name], evidence)
        if name in suite.files:
            return CellResult(cell=name, outcome=Outcome.PASSED)
        if file in suite.skipped:
            return CellResult(cell=name, outcome=Outcome.SKIPPED, reason=suite.skipped[file])
        return CellResult(cell=name, outcome=Outcome.ERRORED, reason=suite.why_missing(name, ending))

    names = dict.fromkeys((*suite.order, *suite.uncollectable, *(wanted or ())))
    return tuple(result(name) for name in names)


def _unreadable(name: str, record: Uncollectable, evidence: _Evidence) -> CellResult:
    """Return the result of a file that failed before any of its tests started."""
    phase = Phase(event="phase", cell=name, phase="setup", outcome="failed", seconds=0.0, time=record.time)
    seen = _suite_failure(phase, record.failure)
    failure = evidence.explain((), (record.time, record.time), seen)
    return CellResult(cell=name, outcome=Outcome.FAILED, failure=failure)


def timeline(folder: Path, logs: Path, engine: EngineLogs = _UNKNOWN) -> tuple[ProcessTimeline, ...]:
    """Return the timeline of every process of the engine, from the journal in `folder` and all logs."""
    secrets = secret_values(os.environ)
    table = [
        TableEntry(
            pid=info.pid,
            parent=info.ppid,
            spawned=min(since_epoch(info.started), info.seen),
            gone=info.gone,
            title=redact(info.title, secrets),
            role=info.role,
        )
        for info in read_journal(folder)
    ]
    # A process that writes JSON is named by any line.
    may = engine.known.may_have_milestone if engine.line_format is None else lambda _: True
    lines = merged_lines(sorted(logs.glob("*.log")), ALWAYS, Relevance(may, following=0))
    return read_timeline(lines, table, engine.known)


def available(stream: Path) -> tuple[str, ...]:
    """Return the cells that the suite collected."""
    return next((record.cells for record in read_stream(stream) if isinstance(record, Collected)), ())


def unreadable(stream: Path) -> str:
    """Return why the suite could not be read; empty if it could."""
    return _Suite.read(stream).unreadable


@dataclass(frozen=True)
class _Suite:
    """The streamed report: started cells, the order of all cells, collected files, and collection errors."""

    cells: Mapping[str, _Cell]
    order: tuple[str, ...]
    uncollectable: Mapping[str, Uncollectable]
    files: frozenset[str]
    skipped: Mapping[str, str]
    finished: bool

    @staticmethod
    def read(stream: Path) -> _Suite:
        cells: dict[str, _Cell] = {}
        order: tuple[str, ...] = ()
        uncollectable: dict[str, Uncollectable] = {}
        files: frozenset[str] = frozenset()
        skipped: dict[str, str] = {}
        finished = False
        for record in read_stream(stream):
            if isinstance(record, Collected):
                order, files = record.cells, frozenset(record.files)
            elif isinstance(record, Uncollectable):
                uncollectable[record.cell] = record
            elif isinstance(record, Unread):
                skipped[record.cell] = clean_line(record.reason)
            elif isinstance(record, Finished):
                finished = True
            elif isinstance(record, Started):
                cells[record.cell] = _Cell(record.time)
            elif isinstance(record, Phase):
                cells.setdefault(record.cell, _Cell(record.time)).add(record)
        return _Suite(cells, order, uncollectable, files, skipped, finished)

    @property
    def unreadable(self) -> str:
        """Return why the last unreadable file could not be read; empty if all could."""
        return _why_unreadable(list(self.uncollectable.values())[-1]) if self.uncollectable else ""

    def died(self, ending: SuiteExit) -> SuiteExit:
        """Return how the process ended: `died` if it exited by itself before pytest finished."""
        alone = ending.reason == "exited" and not self.finished and ending.code not in (None, -signal.SIGKILL)
        return replace(ending, reason="died") if alone else ending

    def why_missing(self, cell: str, ending: SuiteExit) -> str:
        """Return why a cell did not start."""
        file = cell.partition("::")[0]
        if file in self.uncollectable:
            return _why_unreadable(self.uncollectable[file])
        if self.unreadable and not self.files:
            return self.unreadable
        if (self.order or self.files) and cell not in self.order:
            return NO_SUCH_TEST
        if ending.reason != "exited":
            return f"did not run: the trial was ended ({ending.reason})"
        return "did not run: pytest ended before it" + (
            f" with exit code {ending.code}" if ending.code else ""
        )


def _result(name: str, cell: _Cell, evidence: _Evidence, ending: SuiteExit) -> CellResult:
    seconds = sum(phase.seconds for phase in cell.phases)
    failed = next((phase for phase in cell.phases if phase.outcome == "failed"), None)
    if failed is not None:
        return _failed(name, failed, seconds, evidence)
    skipped = next((phase for phase in cell.phases if phase.outcome == "skipped"), None)
    if skipped is not None and skipped.expected:
        return CellResult(cell=name, outcome=Outcome.PASSED, seconds=seconds)
    if skipped is not None:
        return CellResult(
            cell=name, outcome=Outcome.SKIPPED, seconds=seconds, reason=clean(skipped.reason or "")
        )
    if not cell.ended:
        return _unended(name, cell, evidence, ending)
    if not any(phase.phase == "call" for phase in cell.phases):
        reason = "its report lacks the record of the test itself"
        return CellResult(cell=name, outcome=Outcome.ERRORED, seconds=seconds, reason=reason)
    return CellResult(cell=name, outcome=Outcome.PASSED, seconds=seconds)


def _failed(name: str, phase: Phase, seconds: float, evidence: _Evidence) -> CellResult:
    outcome = phase.hint if phase.hint in (Outcome.HUNG, Outcome.INFRASTRUCTURE) else Outcome.FAILED
    crash = phase.failure or CrashReport(exception="", message=phase.reason or "")
    seen = _suite_failure(phase, crash)
    window = phase.window or (phase.time - phase.seconds, phase.time)
    failure = evidence.explain(phase.logs, window, seen, crash.captured)
    reason = seen.message if outcome is Outcome.INFRASTRUCTURE else ""
    return CellResult(cell=name, outcome=outcome, seconds=seconds, failure=failure, reason=reason)


def _unended(name: str, cell: _Cell, evidence: _Evidence, ending: SuiteExit) -> CellResult:
    seconds = max(ending.time - cell.started, 0.0)
    if ending.reason == "died":
        return _died(name, cell, evidence, ending)
    if ending.reason not in ("deadline", "idle"):
        reason = f"the suite's process ended during this test ({ending.reason})"
        return CellResult(cell=name, outcome=Outcome.ERRORED, seconds=seconds, reason=reason)
    phase = ("setup", "call", "teardown")[min(len(cell.phases), 2)]
    seen = SuiteFailure(
        phase=phase,
        exception="Hang",
        message=f"{phase} did not end ({ending.reason})",
        frames=(),
        time=ending.time,
    )
    failure = evidence.explain((), (cell.started, ending.time), seen)
    return CellResult(cell=name, outcome=Outcome.HUNG, seconds=seconds, failure=failure)


def _died(name: str, cell: _Cell, evidence: _Evidence, ending: SuiteExit) -> CellResult:
    """Return the result of a cell that ended its process: a crash of native code, or `os._exit`."""
    code = ending.code or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    seen = SuiteFailure(
        phase=("setup", "call", "teardown")[min(len(cell.phases), 2)],
        exception="Crash",
        message=f"the process {how} in the middle of the test",
        frames=(),
        time=ending.time,
    )
    failure = evidence.explain((), (cell.started, ending.time), seen)
    seconds = max(ending.time - cell.started, 0.0)
    return CellResult(cell=name, outcome=Outcome.FAILED, seconds=seconds, failure=failure)


def _why_unreadable(record: Uncollectable) -> str:
    why = clean_line(record.failure.message).removeprefix("E   ")
    return f"{clean_line(record.cell)} cannot be read: {why}"


def _suite_failure(phase: Phase, crash: CrashReport) -> SuiteFailure:
    frames = tuple(Frame(file=file, line=line, function=function) for file, line, function in crash.frames)
    return SuiteFailure(
        phase=phase.phase,
        exception=crash.exception,
        message=clean(crash.message),
        frames=frames,
        time=phase.time,
    )


def logged_events(
    logs: Iterable[Path], window: tuple[float, float] = ALWAYS, known: Patterns = PATTERNS
) -> tuple[Event, ...]:
    """Return the events logged within `window` (epoch seconds), in bounded memory."""
    return read_events(merged_lines(logs, window, Relevance(known.may_begin_event)), known)


def printed(logs: Path, cells: Sequence[CellResult], known: Patterns = PATTERNS) -> tuple[Signature, ...]:
    """Return the signatures of logged errors that failed no cell; none if no cell passed."""
    if not any(cell.outcome is Outcome.PASSED for cell in cells):
        return ()
    failed = frozenset[Signature]().union(*(cell.failure.signatures for cell in cells if cell.failure))
    events = logged_events(sorted(logs.glob("*.log")), known=known)
    grave = (event for event in events if event.severity == "error" or event.kind == "leak")
    serious = (event for event in grave if event.role != TEST)
    found = dict.fromkeys(signature_of(event) for event in serious)
    return tuple(signature for signature in found if signature not in failed)[:_PRINTED_KEPT]


def _captured_events(captured: str, time: float) -> list[Event]:
    """Return events that child processes of a test printed, if the lines name the process.

    Errors logged by the test itself are ignored: many tests log errors on purpose.
    """
    secrets = secret_values(os.environ)
    lines = (
        LogLine(SUITE_LOG, time, redact(text, secrets), number)
        for number, text in enumerate(captured.splitlines(), 1)
    )
    return [event for event in read_events(lines) if event.role not in (TEST, LAUNCHER)]


class _Evidence:
    """The trial's logs, read once per set of files and window, for all cells that fail together."""

    def __init__(self, folder: Path | None, parents: Mapping[int, int], engine: EngineLogs) -> None:
        self._folder = folder
        self._engine = engine
        self._logs = TrialLogs()
        self._parents = parents
        self._events: dict[tuple[tuple[str, ...], tuple[float, float]], tuple[Event, ...]] = {}

    def explain(
        self, logs: Sequence[str], window: tuple[float, float], seen: SuiteFailure, captured: str = ""
    ) -> Failure:
        """Return the failure chain of the named logs (none named: all) within the window.

        For a project's tests, which share one log, it comes from the `captured` output of the test.
        """
        if self._folder is None:
            return explain(_captured_events(captured, seen.time), seen, self._parents)
        every = sorted(path.name for path in self._folder.glob("*.log"))
        own = [name for name in every if self._engine.is_own_log(name)]
        names = tuple(dict.fromkeys((*logs, *own) if logs else every))
        key = (names, window)
        if key not in self._events:  # cells that fail together follow one another
            self._events = {key: self._read(self._folder, names, window)}
        return explain(self._events[key], seen, self._parents, self._engine.known)

    def _read(self, folder: Path, names: Sequence[str], window: tuple[float, float]) -> tuple[Event, ...]:
        paths = [folder / Path(name).name for name in names]
        wide, known = (window[0] - _MARGIN_S, window[1] + _MARGIN_S), self._engine.known
        return read_events(self._logs.merged(paths, wide, Relevance(known.may_begin_event)), known)
