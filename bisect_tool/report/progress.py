"""Live progress on stderr: a few lines that change on a terminal, one plain line for each event elsewhere."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.text import Text

from bisect_tool.report import terminal
from bisect_tool.report.phrase import count, duration, roughly, short, told
from bisect_tool.report.tail import STREAM, CellsSeen, StreamTail
from bisect_tool.text import clean_line
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console, RenderableType

    from bisect_tool.campaign import State, Step
    from bisect_tool.session import Session
    from bisect_tool.trial.result import TrialResult

_REFRESH_PER_SECOND = 4
_JOIN_S = 5
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SUBJECT_LIMIT = 100
_TOLD_LIMIT = 200
_MARKS = {"good": ("✓", "green"), "bad": ("✗", "red"), "skip": ("-", "yellow")}
_RED = (Outcome.FAILED, Outcome.HUNG)


@dataclass(frozen=True)
class Snapshot:
    """What the display knows; times are readings of one monotonic clock, in seconds.

    `mean_s` is None until a trial has ended; `phase` is empty between trials.
    """

    began: float
    remaining: int = 0
    steps_left: int = 0
    mean_s: float | None = None
    commit: str = ""
    purpose: str = ""
    phase: str = ""
    trial_began: float = 0.0


class Progress:
    """Watches a session (`bisect_tool.session.Observer`); use it as a context manager around the run."""

    def __init__(
        self, session: Session, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or terminal.stderr()
        self._clock = clock
        self._subjects = _subjects(session)
        self._alone = not session.request.goods
        self._snapshot = Snapshot(began=clock(), remaining=len(session.range.commits))
        self._tail: StreamTail | None = None
        self._resumed = False
        self._live = _live(self._console, self._render)
        self._ended = threading.Event()
        self._refresher: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._refresher = threading.Thread(target=self._refresh, args=(self._live,), daemon=True)
            self._refresher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._refresher is not None:
            self._refresher.join(_JOIN_S)
        if self._live is not None:
            self._live.stop()

    def decided(self, state: State, trials: tuple[TrialResult, ...]) -> None:
        """Show the next trial, or nothing more when the campaign is over."""
        if trials and not self._resumed and self._snapshot.mean_s is None:
            self._say(Text(f"{count(len(trials), 'trial')} in the store already"))
        self._resumed = True
        mean = sum(trial.seconds for trial in trials) / len(trials) if trials else None
        step = state.step
        self._tail = None
        self._snapshot = Snapshot(
            began=self._snapshot.began,
            remaining=len(state.remaining),
            steps_left=state.steps_left,
            mean_s=mean,
            commit=self._commit(step.sha) if step else "",
            purpose=self._purpose(step) if step else "",
            trial_began=self._clock(),
        )
        if step is not None and self._live is None:
            why = f" ({step.purpose}); {range_left(self._snapshot, self._clock())}"
            self._say(Text(self._snapshot.commit + ("" if self._alone else why)))

    def phase(self, name: str, folder: Path) -> None:
        """Show what the running trial does, and follow its stream."""
        self._tail = StreamTail(folder / STREAM)
        self._snapshot = replace(self._snapshot, phase=clean_line(name, 40))
        if self._live is None:
            self._say(Text(f"  {self._snapshot.phase}"))

    def finished(self, step: Step, result: TrialResult) -> None:
        """Leave one line about the trial above the display."""
        self._tail = None
        self._snapshot = replace(self._snapshot, phase="", commit="")
        self._say(trial_line(result, self._purpose(step), self._subjects.get(result.sha, "")))

    def _purpose(self, step: Step) -> str:
        """Why a trial runs; the one commit of `step` is no end of anything."""
        return "step" if self._alone else step.purpose

    def _say(self, line: Text) -> None:
        if self._live is None:
            elapsed = duration(self._clock() - self._snapshot.began)
            self._console.print(Text.assemble((f"[{elapsed:>9}] ", "dim"), line), soft_wrap=True)
        else:
            self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _refresh(self, live: Live) -> None:
        # Live's own thread is not waited for when it stops, and would outlive the display.
        while not self._ended.wait(1 / _REFRESH_PER_SECOND):
            live.refresh()

    def _render(self) -> RenderableType:
        tail = self._tail
        return render_progress(self._snapshot, tail.poll() if tail else CellsSeen(), self._clock())

    def _commit(self, sha: str) -> str:
        return f"{short(sha)} {self._subjects.get(sha, '')}".rstrip()


def render_progress(snapshot: Snapshot, cells: CellsSeen, now: float) -> RenderableType:
    """The changing lines: the trial at work, its cell, and what is left."""
    lines = []
    if snapshot.commit:
        spin = _SPINNER[int((now - snapshot.began) * _REFRESH_PER_SECOND) % len(_SPINNER)]
        lines.append(Text.assemble((f"{spin} ", "cyan"), (snapshot.commit, "bold")))
        lines.append(Text(f"  {_at_work(snapshot, cells)}, {duration(now - snapshot.trial_began)}"))
    left = f"  {range_left(snapshot, now)}, {duration(now - snapshot.began)} elapsed"
    lines.append(Text(left, "dim"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def range_left(snapshot: Snapshot, now: float) -> str:
    """`narrowed to 9 commits, ~4 steps left, ~3 min`; the running trial's time counts as spent."""
    commits = count(snapshot.remaining, "commit")
    parts = [f"narrowed to {commits}" if snapshot.remaining else "range is settled"]
    if snapshot.steps_left:
        parts.append(f"~{count(snapshot.steps_left, 'step')} left")
    if snapshot.steps_left and snapshot.mean_s is not None:
        spent = min(now - snapshot.trial_began, snapshot.mean_s)
        parts.append(roughly(snapshot.mean_s * snapshot.steps_left - spent))
    return ", ".join(parts)


def trial_line(result: TrialResult, purpose: str, subject: str) -> Text:
    """One finished trial; what it told comes before the subject, which a narrow terminal may cut."""
    mark, style = _MARKS[_tendency(result)]
    outcomes = (cell.outcome for cell in result.cells)
    yielded = clean_line(told(result.outcome, result.reason, outcomes), _TOLD_LIMIT)
    line = f"{short(result.sha)}  {purpose:<8}  {yielded}, {duration(result.seconds)}  "
    return Text.assemble((f"{mark} ", style), line, (subject, "dim"))


def _tendency(result: TrialResult) -> str:
    if any(cell.outcome in _RED for cell in result.cells):
        return "bad"
    return "good" if result.outcome is Outcome.PASSED else "skip"


def _at_work(snapshot: Snapshot, cells: CellsSeen) -> str:
    where = f"{snapshot.purpose}, {snapshot.phase}" if snapshot.phase else f"{snapshot.purpose}, checkout"
    return f"{where}, cell {cells.index} of {cells.total}: {cells.name}" if cells.index else where


def _subjects(session: Session) -> Mapping[str, str]:
    ends = [session.repository.commit(sha) for sha in session.request.goods]
    commits = (*ends, *session.range.commits)
    return {commit.sha: clean_line(commit.subject, _SUBJECT_LIMIT) for commit in commits}


def _live(console: Console, render: Callable[[], RenderableType]) -> Live | None:
    """A display where it can be redrawn: a real terminal (FORCE_COLOR alone does not make one)."""
    if not console.file.isatty() or not console.is_terminal or console.is_dumb_terminal:
        return None
    return Live(
        console=console,
        get_renderable=render,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
