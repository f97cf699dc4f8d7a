"""Callbacks of a running session, and an observer that logs decisions and results."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from bisect_tool.format import count, duration, outcome_text, percent, search_progress, short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bisect_tool.planner import CellConclusion, State, Step
    from bisect_tool.session.store import TrialRow
    from bisect_tool.trial.result import TrialResult

_log = logging.getLogger("bisect_run.session")
_BELIEFS = 8


class Observer(Protocol):
    """Callbacks of a running session, such as the progress display; all are called from one thread."""

    def on_wait(self, sentence: str) -> None:
        """Another run holds a resource of the session; `sentence` names it."""

    def on_resume(self, trials: Sequence[TrialRow]) -> None:
        """The session starts with the stored trials: its own and shared ones."""

    def on_decision(self, state: State) -> None:
        """The planner decided: the next trial, or the end of the search."""

    def on_trial_start(self, slot: int, step: Step) -> None:
        """A trial starts in a slot."""

    def on_phase(self, slot: int, name: str, folder: Path) -> None:
        """The trial in this slot entered a phase; its logs are in `folder`."""

    def on_note(self, sentence: str) -> None:
        """A problem occurred that ends no trial."""

    def on_trial_end(self, step: Step, result: TrialResult) -> None:
        """A trial ended and is in the store."""


class LoggingObserver:
    """Logs the decisions and results of a session, and calls another observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._logged: set[str] = set()

    def on_wait(self, sentence: str) -> None:
        """Log the resource that another run holds."""
        _log.info("%s", sentence)
        self._observer.on_wait(sentence)

    def on_resume(self, trials: Sequence[TrialRow]) -> None:
        """Log the number of stored trials."""
        shared = sum(row.shared for row in trials)
        _log.info("%s in the store, %d of them of earlier sessions", count(len(trials), "trial"), shared)
        self._observer.on_resume(trials)

    def on_decision(self, state: State) -> None:
        """Log each conclusion once, then the next trial with its reason."""
        concluded = dict.fromkeys(map(conclusion, state.conclusions))
        for sentence in concluded:
            if sentence not in self._logged:
                _log.info("%s", sentence)
        self._logged |= concluded.keys()
        _log.info("%s", decision(state))
        self._observer.on_decision(state)

    def on_trial_start(self, slot: int, step: Step) -> None:
        """Log the trial's slot."""
        _log.debug("%s runs in slot %d", short(step.sha), slot)
        self._observer.on_trial_start(slot, step)

    def on_phase(self, slot: int, name: str, folder: Path) -> None:
        """Log the phase, and where its logs are."""
        _log.debug("slot %d: %s, logs in %s", slot, name, folder)
        self._observer.on_phase(slot, name, folder)

    def on_note(self, sentence: str) -> None:
        """Log the problem."""
        _log.warning("%s", sentence)
        self._observer.on_note(sentence)

    def on_trial_end(self, step: Step, result: TrialResult) -> None:
        """Log the outcome of the trial, cell by cell."""
        _log.info("%s", trial(step, result))
        self._observer.on_trial_end(step, result)


def decision(state: State) -> str:
    """Describe the next trial with its purpose and the posterior; or why there is none."""
    if state.step is None:
        over = "a budget is used up" if state.stopped else "the search is over"
        return f"no trial to start: {over if state.over or state.stopped else 'running trials come first'}"
    cells = "all cells" if state.step.cells is None else ", ".join(state.step.cells)
    left = f"{search_progress(len(state.remaining), state.disagreement)}, " if state.remaining else ""
    beliefs = "".join(
        f"; {belief.cell}: {', '.join(f'{short(sha)} {percent(chance)}' for sha, chance in belief.top)}"
        f", flaky {percent(belief.flaky)}"
        for belief in state.beliefs[:_BELIEFS]
    )
    return (
        f"next trial: {short(state.step.sha)}, {state.step.purpose}, {cells};"
        f" {left}about {count(state.steps_left, 'trial')} left{beliefs}"
    )


def conclusion(item: CellConclusion) -> str:
    """Describe the conclusion for a cell."""
    found = short(item.culprit) if item.culprit else count(len(item.candidates), "candidate")
    sure = "" if item.confidence is None else f", confidence {percent(item.confidence)}"
    runs = f"{item.bad.failed} of {item.bad.runs} at --bad, {item.good.failed} of {item.good.runs} at --good"
    note = f"; {item.note}" if item.note else ""
    return f"concluded {item.cell}: {item.finding}, {found}{sure}; failed in {runs}{note}"


def trial(step: Step, result: TrialResult) -> str:
    """Describe the result of a trial, with the signature or reason of each cell that did not pass."""
    cells = "".join(
        f"; {cell.cell}: {cell.outcome}{f', {cell.failure.signature}' if cell.failure else ''}"
        f"{f', {cell.reason}' if cell.reason else ''}"
        for cell in result.cells
    )
    what = outcome_text(result.outcome, result.reason, ())
    return f"trial {short(result.sha)}, {step.purpose}: {what}, {duration(result.seconds)}{cells}"
