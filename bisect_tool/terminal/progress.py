"""Show live progress on stderr: a few updating lines on a terminal, else one plain line for each event."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.text import Text

from bisect_tool import mode
from bisect_tool.expected_cost import PastTrial
from bisect_tool.format import count, duration, outcome_text, short
from bisect_tool.planner import Purpose
from bisect_tool.sanitise import clean_line
from bisect_tool.terminal import writer
from bisect_tool.terminal.beliefs import belief_line, render_beliefs
from bisect_tool.terminal.log_tail import STREAM, CellsSeen, StreamTail
from bisect_tool.terminal.output import ask
from bisect_tool.terminal.snapshot import RunningTrial, Snapshot
from bisect_tool.terminal.work_left import cost_left, range_left
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console, RenderableType

    from bisect_tool.planner import State, Step
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import TrialResult

_REFRESH_PER_SECOND = 4
_JOIN_S = 5
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SUBJECT_LIMIT = 100
_LEAST_SUBJECT = 20
_STAMP_WIDTH = len("[    0.0 s] ")
_TEXT_LIMIT = 200
_NOTE_LIMIT = 2000
_MARKS = {"good": ("✓", "green"), "bad": ("✗", "red"), "skip": ("-", "yellow")}


class Progress:
    """Watches a session (`bisect_tool.session.observer.Observer`); a context manager around the run.

    The cost that is left follows from `past`, trials of earlier sessions, until one of its own has ended.
    """

    def __init__(
        self,
        session: Session,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        busy: Callable[[], str] = str,
        past: Sequence[PastTrial] = (),
    ) -> None:
        self._console = console or writer.stderr()
        self._clock = clock
        self._busy = busy
        self._subjects = _subjects(session)
        self._stepping = isinstance(session.request.mode, mode.Step)
        request = session.request
        searching = isinstance(request.mode, mode.Bisect)
        self._snapshot = Snapshot(clock(), request.slots, searching, len(session.range.commits))
        self._past = past
        self._own: list[PastTrial] = []
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
        self._stop()

    def ask(self, question: str) -> bool:
        """Ask on the terminal; nothing is shown live any more."""
        self._stop()
        return ask(question)

    def _stop(self) -> None:
        self._ended.set()
        if self._refresher is not None:
            self._refresher.join(_JOIN_S)
        if self._live is not None:
            self._live.stop()

    def on_wait(self, sentence: str) -> None:
        """Print which resource another run holds."""
        self._show_line(Text(clean_line(sentence), "yellow"))

    def on_resume(self, trials: Sequence[TrialRow]) -> None:
        """Print how many stored trials are reused, and whether the machine is busy."""
        if busy := self._busy():
            self._show_line(Text(f"the machine is busy: {busy}; tests with deadlines may time out", "yellow"))
        shared = sum(row.shared for row in trials)
        if shared:
            self._show_line(Text(f"reusing {count(shared, 'trial')} from earlier sessions"))
        if len(trials) > shared:
            self._show_line(Text(f"resuming with {count(len(trials) - shared, 'finished trial')}"))
        self._own = [_whole(row.result) for row in trials if not row.result.is_free]

    def on_decision(self, state: State) -> None:
        """Update the remaining work and the posterior of every open cell."""
        if self._live is None and state.beliefs and state.beliefs != self._snapshot.beliefs:
            self._show_line(Text(f"  {belief_line(state.beliefs)}"))
        before, past = self._snapshot, self._own or self._past
        self._snapshot = replace(
            before,
            remaining=len(state.remaining),
            disagreement=state.disagreement,
            steps_left=state.steps_left,
            mean_s=sum(trial.test_s for trial in past) / len(past) if past else None,
            cost_left=cost_left(state.steps_left, before.slots, past, searching=before.searching),
            beliefs=state.beliefs,
        )

    def on_trial_start(self, slot: int, step: Step) -> None:
        """Show a trial that starts."""
        subject = self._subjects.get(step.sha, "")
        trial = RunningTrial(slot, short(step.sha), subject, self._purpose(step), self._clock())
        others = self._others(slot)
        if self._live is None:
            why = "" if self._stepping else f" ({trial.purpose}); {range_left(self._snapshot, self._clock())}"
            shown = self._fitted(subject, len(f"{trial.commit} {why}"))
            self._show_line(Text(f"{trial.commit} {shown}".rstrip() + why))
        self._snapshot = replace(self._snapshot, running=(*others, trial))

    def on_phase(self, slot: int, name: str, folder: Path) -> None:
        """Show the phase of the trial in a slot, and follow its stream."""
        phase = clean_line(name, 40)
        running = tuple(
            replace(trial, phase=phase, tail=StreamTail(folder / STREAM)) if trial.slot == slot else trial
            for trial in self._snapshot.running
        )
        self._snapshot = replace(self._snapshot, running=running)
        if self._live is None:
            several = self._snapshot.slots > 1
            whose = "".join(f"{trial.commit} " for trial in running if trial.slot == slot and several)
            self._show_line(Text(f"  {whose}{phase}"))

    def on_note(self, sentence: str) -> None:
        """Print what happened outside of the trials, as a whole: it may be a call to CI or an address."""
        self._show_line(Text(clean_line(sentence, _NOTE_LIMIT)), whole=True)

    def on_trial_end(self, step: Step, result: TrialResult) -> None:
        """Print one line about the trial above the display."""
        if not result.is_free:  # its duration is not known, and the next trial may need a job
            self._own.append(_whole(result))
        self._snapshot = replace(self._snapshot, running=self._others(result.slot))
        purpose, subject = self._purpose(step), self._subjects.get(result.sha, "")
        beside = trial_line(result, purpose, "").cell_len + 2
        self._show_line(trial_line(result, purpose, self._fitted(subject, beside)))

    def _fitted(self, subject: str, beside: int) -> str:
        """Return the subject, truncated to fit a plain line; live lines are cut by the terminal."""
        text = Text(subject)
        if self._live is None:
            room = self._console.width - _STAMP_WIDTH - beside
            text.truncate(max(room, _LEAST_SUBJECT), overflow="ellipsis")
        return text.plain

    def _others(self, slot: int) -> tuple[RunningTrial, ...]:
        return tuple(trial for trial in self._snapshot.running if trial.slot != slot)

    def _purpose(self, step: Step) -> str:
        """Return the purpose of a trial; for `step` it is the command's name."""
        if self._stepping:
            return "step"
        return "run" if step.purpose is Purpose.REPEAT else step.purpose  # the first one repeats nothing

    def _show_line(self, line: Text, *, whole: bool = False) -> None:
        if self._live is None:
            elapsed = duration(self._clock() - self._snapshot.began)
            self._console.print(Text.assemble((f"[{elapsed:>9}] ", "dim"), line), soft_wrap=True)
        elif whole:
            self._console.print(line, soft_wrap=True)
        else:
            self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _refresh(self, live: Live) -> None:
        # Live does not join its own refresh thread, which could outlive the display.
        while not self._ended.wait(1 / _REFRESH_PER_SECOND):
            live.refresh()

    def _render(self) -> RenderableType:
        return render_progress(replace(self._snapshot, busy=self._busy()), self._clock())


def render_progress(snapshot: Snapshot, now: float) -> RenderableType:
    """Render the updating lines: running trials, posteriors of the cells, and the remaining work."""
    lines = [_at_work(trial, now) for trial in sorted(snapshot.running, key=lambda trial: trial.slot)]
    lines += render_beliefs(snapshot.beliefs)
    left = f"  {range_left(snapshot, now)}, {duration(now - snapshot.began)} elapsed"
    lines.append(Text(left, "dim"))
    if snapshot.busy:
        lines.append(Text(f"  the machine is busy: {snapshot.busy}", "yellow"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def _whole(result: TrialResult) -> PastTrial:
    """A trial with its build, as the next ones may build as well; what earlier sessions built is cached."""
    return PastTrial(result.seconds, gpus=result.gpus)


def trial_line(result: TrialResult, purpose: str, subject: str) -> Text:
    """One line about a finished trial; its result precedes the subject, which a narrow terminal may cut."""
    mark, style = _MARKS[_tendency(result)]
    outcomes = (cell.outcome for cell in result.cells)
    yielded = clean_line(outcome_text(result.outcome, result.reason, outcomes), _TEXT_LIMIT)
    busy = ", machine busy" if result.busy else ""
    line = f"{short(result.sha)}  {purpose:<8}  {yielded}, {duration(result.seconds)}{busy}  "
    return _ended(Text.assemble((f"{mark} ", style), line, (subject, "dim")))


def _tendency(result: TrialResult) -> str:
    if any(cell.outcome in RED for cell in result.cells):
        return "bad"
    return "good" if result.outcome is Outcome.PASSED else "skip"


def _at_work(trial: RunningTrial, now: float) -> Text:
    """One line; the subject comes last, where a narrow terminal may cut it."""
    spin = _SPINNER[int((now - trial.began) * _REFRESH_PER_SECOND) % len(_SPINNER)]
    cells = trial.tail.poll() if trial.tail else CellsSeen()
    cell = f", cell {cells.index} of {cells.total}: {cells.name}" if cells.index else ""
    what = f"  {trial.purpose}, {trial.phase}{cell}, {duration(now - trial.began)}  "
    return _ended(Text.assemble((f"{spin} ", "cyan"), (trial.commit, "bold"), what, (trial.subject, "dim")))


def _ended(line: Text) -> Text:
    """Strip trailing spaces, left over if the commit's subject is unknown."""
    line.rstrip()
    return line


def _subjects(session: Session) -> Mapping[str, str]:
    ends = [session.repository.commit(sha) for sha in session.request.goods]
    commits = (*ends, *session.range.commits)
    return {commit.sha: clean_line(commit.subject, _SUBJECT_LIMIT) for commit in commits}


def _live(console: Console, render: Callable[[], RenderableType]) -> Live | None:
    """Return a live display if stderr is a real terminal (FORCE_COLOR alone does not make one)."""
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
