"""The session loop: ask the planner for steps, run them on the executor, store the results."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.executor.environments import built, environments
from bisect_tool.executor.event import Entered, Failed, Noted, Waits
from bisect_tool.executor.executor import require_capabilities
from bisect_tool.options.check_files import require_same_check
from bisect_tool.planner import Step
from bisect_tool.session.log_files import TRIALS, trial_folders
from bisect_tool.session.observer import LoggingObserver
from bisect_tool.session.session import assembled, require_same_scenario, trials
from bisect_tool.session.session_planner import purpose_at
from bisect_tool.session.wheel_downloads import downloads
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.executor.executor import Executor
    from bisect_tool.planner import Planner, State
    from bisect_tool.session.observer import Observer
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import Store
    from bisect_tool.trial.result import TrialResult

_log = logging.getLogger("bisect_run.session")


def run(session: Session, planner: Planner, store: Store, observer: Observer, executor: Executor) -> State:
    """Run the trials that a planner chooses; each is in the store before the next is chosen.

    The session has to be `held`. If it ends early, `executor.cancel` is set, and running trials are waited
    for; a second Ctrl-C leaves them to their guardians.

    Raises:
        UsageError: the executor lacks a capability that the trials need.
        EnvironmentFailed: the environment failed; resumable.
        TrialAborted: `executor.cancel` was set; resumable.
    """
    require_capabilities(session.config, executor.capabilities)
    observer = LoggingObserver(observer)
    with executor.reserve(observer.on_wait):
        return _Loop(session, planner, store, executor, observer).run()


def _own_cost(trials: Sequence[TrialResult]) -> int:
    return sum(not trial.is_free for trial in trials)


class _Loop:
    """Starts the best next trial whenever there is capacity."""

    def __init__(
        self,
        session: Session,
        planner: Planner,
        store: Store,
        executor: Executor,
        observer: Observer,
    ) -> None:
        self._session, self._store, self._executor = session, store, executor
        self._observer, self._cancel = observer, executor.cancel
        self._version = session.version
        self._rows = trials(session, store)
        self._shared = [row.result for row in self._rows if row.shared]
        self._own = [row.result for row in self._rows if not row.shared]
        self._environments = environments(session.repository, session.range, session.config.profile)
        self._downloads: frozenset[str] = frozenset()
        self._earlier = tuple(self._own)
        self._planner = planner.with_extra_retries(self._earlier)
        self._folder = session.home.session(session.id) / TRIALS
        self._running: dict[int, Step] = {}
        self._began = time.monotonic()

    def run(self) -> State:
        """Run the loop; returns the last state of the planner."""
        require_same_scenario(self._session)
        self._recover()
        self._observer.on_resume(self._rows)
        self._downloads = downloads(self._session, self._environments, self._observer.on_note)
        try:
            self._continue_trials()
            state = self._start_trials()
            while self._running:
                self._await_end()
                state = self._start_trials()
        except BaseException as error:
            _log.info("ending: %r", error)
            at_once = self._cancel.is_set() and isinstance(error, KeyboardInterrupt)
            self._cancel.set()
            if not at_once:
                self._await_all()
            raise
        if state.step is None:
            return state
        _log.info("stopped: %s", "interrupted" if self._cancel.is_set() else "a budget is used up")
        # A trial can end before it notices an interrupt.
        if self._cancel.is_set():
            raise TrialAborted("the session was interrupted")
        return self._planner.conclude_early(self._trials)

    @property
    def _trials(self) -> list[TrialResult]:
        return [*self._shared, *self._own]

    def _used_up(self) -> bool:
        """Whether a budget is used up: no trial is started then, and running ones end."""
        # What others ran costs nothing.
        trials = _own_cost(self._own) - _own_cost(self._earlier) + len(self._running)
        return self._session.budget.is_used_up(trials, (time.monotonic() - self._began) / 60)

    def _recover(self) -> None:
        """End what is left of trials that were running when an earlier run was killed."""
        stored = {Path(trial.folder).name for trial in self._own}
        for folder in trial_folders(self._folder.parent):
            if folder.name not in stored:
                _log.info("ending what is left of the killed trial %s", folder.name)
                self._executor.recover(folder)

    def _continue_trials(self) -> None:
        """Continue the trials that an earlier run started at the executor: they are paid for."""
        for sha in self._executor.unfinished:
            while not self._executor.capacity:
                self._await_end()
            self._decide()
            self._start(Step(sha, None, purpose_at(self._session.request, sha)))

    def _start_trials(self) -> State:
        """Start trials while there is capacity; returns the planner's state."""
        while True:
            state = self._decide()
            ready = not self._cancel.is_set() and self._executor.capacity
            if state.step is None or not ready or self._used_up():
                return state
            require_same_check(self._session.request, self._session.id)
            self._start(state.step)
            self._executor.prefetch(state.likely)
            if not self._executor.capacity:
                return state

    def _decide(self) -> State:
        """Ask the planner for the state after these trials, and report it."""
        self._assemble()
        cached = built(self._environments, self._session.home.cache)
        planner = self._planner.with_environments(self._environments, cached, self._downloads)
        state = planner.decide(self._trials, tuple(self._running.values()))
        self._observer.on_decision(state)
        return state

    def _start(self, step: Step) -> None:
        slot = self._executor.submit(step.sha, step.cells, self._new_folder(step.sha))
        self._running[slot] = step
        self._observer.on_trial_start(slot, step)

    def _assemble(self) -> None:
        """Commit the combination that the trials need; other sessions may have run it before."""
        session = assembled(self._session, self._store)
        if session is not self._session:
            self._session = session
            self._shared = [row.result for row in trials(session, self._store) if row.shared]
            self._planner = session.planner.with_extra_retries(self._earlier)

    def _await_end(self) -> None:
        """Wait until one trial has ended, and store it; raises the error of a failed one."""
        event = self._executor.next_event()
        while isinstance(event, Entered | Noted | Waits):
            if isinstance(event, Noted):
                self._observer.on_note(event.sentence)
            elif isinstance(event, Waits):
                self._observer.on_wait(event.sentence)
            else:
                self._observer.on_phase(event.slot, event.phase, event.folder)
            event = self._executor.next_event()
        step = self._running.pop(event.slot)
        if isinstance(event, Failed):
            raise event.error
        self._check_usable(event.result)
        self._store.add(self._session.id, step.purpose, event.result, self._version)
        self._own.append(event.result)
        self._observer.on_trial_end(step, event.result)

    def _check_usable(self, result: TrialResult) -> None:
        """Raise UsageError if the check could not be started at the end that has to fail."""
        if not result.unusable or result.sha not in self._planner.failing:
            return
        raise UsageError(
            f"{result.cells[0].reason} (at {result.sha[:9]}, the commit that must fail)",
            "Fix the check, or keep it outside the repository, so that it is the same at every commit.",
        )

    def _await_all(self) -> None:
        """Wait for running trials, and store their results; only the first error is raised."""
        while self._running:
            try:
                self._await_end()
            except Exception:  # noqa: BLE001 - raised is the first
                _log.warning("another error while waiting for trials", exc_info=True)

    def _new_folder(self, sha: str) -> Path:
        number = len(self._own) + len(self._running) + 1
        while any(self._folder.glob(f"{number:03}-*")):
            number += 1
        folder = self._folder / f"{number:03}-{sha[:9]}"
        folder.mkdir(parents=True)
        return folder
