"""The loop: ask the campaign for a trial, hand it to the executor, store what it yields, conclude."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bisect_tool import scenario as scenarios
from bisect_tool.campaign import Goal, State, Step, decide, granting_retries
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.history import Range, Repository
from bisect_tool.request import Request
from bisect_tool.resolve import span_of
from bisect_tool.search import Dag
from bisect_tool.supervise import recover
from bisect_tool.trial.run import TrialAborted
from bisect_tool.trial.setting import Setting

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from bisect_tool.home import Home
    from bisect_tool.resolve import Resolved
    from bisect_tool.store import Store
    from bisect_tool.trial.result import TrialResult


class Observer(Protocol):
    """Who watches a session: the terminal's progress display, or nobody."""

    def decided(self, state: State, trials: tuple[TrialResult, ...]) -> None:
        """The next trial was chosen, or the campaign is over."""

    def phase(self, name: str, folder: Path) -> None:
        """The running trial entered a phase; its logs lie in `folder`."""

    def finished(self, step: Step, result: TrialResult) -> None:
        """A trial ended and is in the store."""


@dataclass(frozen=True)
class Session:
    """One bisection: its id, what was asked, the commits it searches, and where things are."""

    id: str
    created: str
    request: Request
    repository: Repository
    range: Range
    home: Home

    @property
    def goal(self) -> Goal:
        """What the campaign is to find out."""
        return Goal(
            dag=Dag(self.range.parents),
            goods=self.request.goods,
            bad=self.request.bad,
            endpoint_runs=self.request.endpoint_runs,
            confirm_runs=self.request.confirm_runs,
        )


def create(resolved: Resolved, store: Store, home: Home) -> Session:
    """Start a new session in the store."""
    row = store.session(store.create(resolved.request.model_dump_json()))
    return Session(row.id, row.created, resolved.request, resolved.repository, resolved.range, home)


def load(session: str, store: Store, home: Home) -> Session:
    """Take up a stored session; raises UsageError where it, or its repository, is not there any more."""
    row = store.session(session)
    try:
        request = Request.model_validate_json(row.request)
    except ValidationError:
        raise UsageError(
            f"session {row.id} was stored by another version of bisect-run", "Begin a new one."
        ) from None
    repository = Repository.open(request.repo, home.cache)
    span = span_of(request, repository)
    return Session(row.id, row.created, request, repository, span, home)


def setting(session: Session) -> Setting:
    """What every trial of the session shares."""
    request = session.request
    scenario = scenarios.load(request.scenario) if request.scenario else None
    profile = scenario.profile(request.profile) if scenario and request.profile else None
    return Setting(request.check, session.home, scenario, profile, request.deadline_s, request.cells)


def run(session: Session, store: Store, observer: Observer, cancel: threading.Event) -> State:
    """Run trials until nothing is left to find out; each is in the store before the next begins.

    Raises:
        EnvironmentFailed: another process runs this session, or the environment failed; resumable.
        TrialAborted: `cancel` was set; resumable.
    """
    folder = session.home.session(session.id)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "running.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EnvironmentFailed(
            f"session {session.id} is being run by another process",
            "Wait for it, or look: `bisect-run status`.",
        ) from None
    with lock, LocalExecutor(setting(session), session.repository, cancel) as executor:
        return _loop(session, store, executor, observer, cancel)


def _loop(
    session: Session, store: Store, executor: LocalExecutor, observer: Observer, cancel: threading.Event
) -> State:
    goal = granting_retries(session.goal, [row.result for row in store.trials(session.id)])
    while True:
        trials = tuple(row.result for row in store.trials(session.id))
        state = decide(goal, trials)
        observer.decided(state, trials)
        if state.step is None:
            return state
        # A trial can be over before it hears of an interrupt.
        if cancel.is_set():
            raise TrialAborted("the session was interrupted")
        folder = session.home.session(session.id) / "trials" / f"{len(trials) + 1:03}-{state.step.sha[:9]}"
        # A run that was killed in this very trial proves nothing: what it left is ended, and it runs anew.
        recover(folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        result = executor.run(state.step.sha, state.step.cells, folder, observer.phase)
        store.add(session.id, state.step.purpose, result)
        observer.finished(state.step, result)
