"""The loop: ask the campaign for trials, hand them to the executor, store what they yield, conclude."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bisect_tool import campaign, candidates
from bisect_tool import scenario as scenarios
from bisect_tool.campaign import Goal, Graft, Repeat, State, Step, decide, granting_retries, heal, repeat
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.environments import built, environments
from bisect_tool.executor.event import Entered, Failed
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.history import Range, Repository
from bisect_tool.request import PytestCheck, Request
from bisect_tool.resolve import span_of
from bisect_tool.search import Dag
from bisect_tool.search.prior import Change
from bisect_tool.store import another_version
from bisect_tool.supervise import recover
from bisect_tool.trial.run import TrialAborted
from bisect_tool.trial.setting import Setting
from bisect_tool.trial.version import version
from bisect_tool.verdict import TELLING, Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from bisect_tool.home import Home
    from bisect_tool.resolve import Resolved
    from bisect_tool.store import Store, TrialRow
    from bisect_tool.trial.result import TrialResult


# What stops at a failure is no fair sample of how often there is one. So trials of `repro` (--until-fail)
# would bias a bisection, which learns rates from them, and those of a bisection the rate that `repro` tells.
_UNSHARED = ("demo", "step", "repro")


class Campaign(Protocol):
    """Decides which trial to begin; pure."""

    def __call__(self, goal: Goal, trials: Sequence[TrialResult], running: Sequence[Step]) -> State:
        """Where the campaign stands after these trials, and what to begin beside those that run."""


_CAMPAIGNS: dict[str, Campaign] = {"repro": repeat, "fixes": heal}
"""What decides the trials of a command; that of all others is the bisection."""


class Observer(Protocol):
    """Who watches a session: the terminal's progress display, or nobody. Always called from one thread."""

    def took_up(self, trials: Sequence[TrialRow]) -> None:
        """The session begins with the trials that are in the store already: its own and shared ones."""

    def decided(self, state: State) -> None:
        """The campaign was asked: for the next trial, or whether it is over."""

    def began(self, slot: int, step: Step) -> None:
        """A trial begins in a slot."""

    def phase(self, slot: int, name: str, folder: Path) -> None:
        """The trial in this slot entered a phase; its logs lie in `folder`."""

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
            confidence=self.request.confidence,
            fix=self.request.find == "fix",
            slots=self.request.slots,
            changes=changes(self.request, self.repository, self.range),
            paths=paths_of(self.request),
            repeat=repetition(self.request),
            grafts=grafts(self.request),
            verify=self.request.fixes.verify if self.request.fixes else (),
            only=self.request.fixes.cells if self.request.fixes else {},
        )


def repetition(request: Request) -> Repeat | None:
    """What is repeated, where nothing is searched for."""
    asked = request.repetition
    if asked is None:
        return None
    shas = (request.bad, asked.against) if asked.against else (request.bad,)
    return Repeat(shas, asked.runs, asked.until_fail)


def grafts(request: Request) -> tuple[Graft, ...]:
    """The candidates for a fix, and their combinations, as far as they were put together."""
    made = request.fixes.grafts if request.fixes else ()
    return tuple(Graft(frozenset(each.parts), each.sha) for each in made)


def changes(request: Request, repository: Repository, span: Range) -> tuple[Change, ...]:
    """What the commits of a range change, where that tells suspects apart: not for a command or a fix."""
    if not request.priors or not request.scenario or request.find == "fix":
        return ()
    files = repository.changed_by(commit.sha for commit in span.commits)
    return tuple(
        Change(
            commit.sha,
            commit.subject,
            # What a merge brings was changed by commits of its own, unless only the mainline counts.
            files[commit.sha] if span.first_parent or len(commit.parents) < 2 else (),
            len(commit.parents),
        )
        for commit in span.commits
    )


def paths_of(request: Request) -> tuple[str, ...]:
    """Files and folders that matter to what is tested."""
    own = (request.check.file,) if isinstance(request.check, PytestCheck) else ()
    return (*own, *(scenarios.load(request.scenario).paths if request.scenario else ()))


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
        raise another_version(row.id) from None
    repository = Repository.open(request.repo, home.cache)
    span = candidates.span(request, repository) if request.fixes else span_of(request, repository)
    return Session(row.id, row.created, request, repository, span, home)


def setting(session: Session) -> Setting:
    """What every trial of the session shares."""
    request = session.request
    scenario = scenarios.load(request.scenario) if request.scenario else None
    profile = scenario.profile(request.profile) if scenario and request.profile else None
    asked = request.repetition
    return Setting(
        request.check,
        session.home,
        scenario,
        profile,
        request.deadline_s,
        request.cells,
        request.slots,
        stress=(asked.stress, asked.stress_roles) if asked and asked.stress else None,
    )


def trials(session: Session, store: Store) -> list[TrialRow]:
    """The trials that a session is decided on: those of earlier sessions that it shares, then its own."""
    first = _confirmed(session, store)
    known = {row.number for row in first}
    earlier = [row for row in _earlier(session, store) if row.number not in known]
    return [*first, *earlier, *store.trials(session.id)]


def _confirmed(session: Session, store: Store) -> list[TrialRow]:
    """What the bisection that a session confirms saw at the bad end: it goes on with it, whatever it runs."""
    confirms = session.request.fixes.confirms if session.request.fixes else None
    rows = store.trials(confirms) if confirms else []
    return [replace(row, shared=True) for row in rows if row.result.sha == session.request.bad]


def _earlier(session: Session, store: Store) -> list[TrialRow]:
    mark = "" if session.request.fresh else _version(session)
    if not mark:
        return []
    ends = (*session.request.goods, session.request.bad)
    shas = dict.fromkeys((*ends, *session.range.parents))
    return [row for row in store.earlier(session.id, mark, shas) if _stands(row.result, ends)]


def _version(session: Session) -> str:
    """By which other sessions may share the trials of this one; empty where they may not."""
    return "" if session.request.command in _UNSHARED else version(setting(session))


def _stands(result: TrialResult, ends: Sequence[str]) -> bool:
    """Whether a trial of another session can stand for one of ours: it told something of the commit.

    At an end it has to have run every cell, because a run of the ends is what shows which cells there are.
    """
    told = any(cell.outcome in TELLING for cell in result.cells)
    spoiled = result.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE)
    return told and not spoiled and (result.whole or result.sha not in ends)


def assembled(session: Session, store: Store) -> Session:
    """The session with the combinations of candidates that its trials ask for, each made as a commit.

    They are not stored: the same trials ask for the same ones, and the same edits make the same commits.
    """
    while session.request.fixes:
        results = [row.result for row in trials(session, store)]
        wanted = heal(session.goal, results).wanted
        if not wanted:
            break
        request = candidates.put_together(session.request, session.repository, wanted)
        session = replace(session, request=request, range=candidates.span(request, session.repository))
    return session


def so_far(session: Session, rows: Sequence[TrialRow]) -> State:
    """Where the campaign of a session stands after these trials."""
    results = [row.result for row in rows]
    decides = _CAMPAIGNS.get(session.request.command)
    return decides(session.goal, results, ()) if decides else campaign.so_far(session.goal, results)


class SessionBusy(EnvironmentFailed):
    """Another process runs the session: there is nothing to resume."""


@contextmanager
def held(session: Session) -> Iterator[None]:
    """While it lasts, no other process runs the session.

    Raises:
        SessionBusy: one does already.
    """
    lock = FileLock(_lock(session.home, session.id))
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SessionBusy(
            f"session {session.id} is being run by another process",
            "Wait for it, or look: `bisect-run status`.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_running(home: Home, session: str) -> bool:
    """Whether a process holds the session."""
    file = _lock(home, session)
    if not file.parent.is_dir():
        return False
    try:
        with FileLock(file).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _lock(home: Home, session: str) -> Path:
    return home.session(session) / "running.lock"


def run(session: Session, store: Store, observer: Observer, cancel: threading.Event) -> State:
    """Run trials until nothing is left to find out; each is in the store before the next is chosen.

    The session has to be `held`. Whatever ends it early, `cancel` is set, and no trial runs any more. Only a
    Ctrl-C after `cancel` was set does not wait for the trials: their guardians end them.

    Raises:
        EnvironmentFailed: the environment failed; resumable.
        TrialAborted: `cancel` was set; resumable.
    """
    with LocalExecutor(setting(session), session.repository, cancel) as executor:
        return _Loop(session, store, executor, observer, cancel).run()


class _Loop:
    """Whenever a slot is free, the best next trial, given those that run."""

    def __init__(
        self,
        session: Session,
        store: Store,
        executor: LocalExecutor,
        observer: Observer,
        cancel: threading.Event,
    ) -> None:
        self._session, self._store, self._executor = session, store, executor
        self._observer, self._cancel = observer, cancel
        self._version = _version(session)
        self._decide = _CAMPAIGNS.get(session.request.command, decide)
        self._rows = trials(session, store)
        self._shared = [row.result for row in self._rows if row.shared]
        self._own = [row.result for row in self._rows if not row.shared]
        self._environments = environments(session.repository, session.range, setting(session).profile)
        self._goal = replace(granting_retries(session.goal, self._own), environments=self._environments)
        self._folder = session.home.session(session.id) / "trials"
        self._running: dict[int, Step] = {}
        self._began, self._had = time.monotonic(), len(self._own)

    def run(self) -> State:
        """The last state of the campaign."""
        self._recover()
        self._observer.took_up(self._rows)
        try:
            state = self._begin_trials()
            while self._running:
                self._await_end()
                state = self._begin_trials()
        except BaseException as error:
            at_once = self._cancel.is_set() and isinstance(error, KeyboardInterrupt)
            self._cancel.set()
            if not at_once:
                self._await_all()
            raise
        if state.step is None:
            return state
        # A trial can be over before it hears of an interrupt.
        if self._cancel.is_set():
            raise TrialAborted("the session was interrupted")
        if self._session.request.command in _CAMPAIGNS:
            return replace(state, step=None, stopped=True)
        return campaign.settle(self._goal, self._trials)

    @property
    def _trials(self) -> list[TrialResult]:
        return [*self._shared, *self._own]

    def _used_up(self) -> bool:
        """Whether a budget is used up: no trial begins then, and those that run end.

        A session that is taken up again has its budgets anew.
        """
        request = self._session.request
        trials = len(self._own) - self._had + len(self._running)
        minutes = (time.monotonic() - self._began) / 60
        return (request.budget_trials is not None and trials >= request.budget_trials) or (
            request.budget_minutes is not None and minutes >= request.budget_minutes
        )

    def _recover(self) -> None:
        """Trials in flight when a run was killed prove nothing: what is left of them is ended."""
        stored = {Path(trial.folder).name for trial in self._own}
        for folder in self._folder.glob("*"):
            if folder.name not in stored:
                recover(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def _begin_trials(self) -> State:
        """Fill the free slots; returns where the campaign stands."""
        while True:
            self._assemble()
            goal = replace(self._goal, cached=built(self._environments, self._session.home.cache))
            state = self._decide(goal, self._trials, tuple(self._running.values()))
            self._observer.decided(state)
            if state.step is None or self._cancel.is_set() or self._used_up():
                return state
            slot = self._executor.begin(state.step.sha, state.step.cells, self._new_folder(state.step.sha))
            self._running[slot] = state.step
            self._observer.began(slot, state.step)
            self._executor.prefetch(state.likely)
            if not self._executor.idle:
                return state

    def _assemble(self) -> None:
        """Put together what the trials ask for; other sessions may have run it before."""
        session = assembled(self._session, self._store)
        if session is not self._session:
            self._session = session
            self._shared = [row.result for row in trials(session, self._store) if row.shared]
            self._goal = replace(self._goal, grafts=session.goal.grafts)

    def _await_end(self) -> None:
        """Wait until one trial has ended, and store it; raises what it could not be ended for."""
        event = self._executor.listen()
        while isinstance(event, Entered):
            self._observer.phase(event.slot, event.phase, event.folder)
            event = self._executor.listen()
        step = self._running.pop(event.slot)
        if isinstance(event, Failed):
            raise event.error
        self._store.add(self._session.id, step.purpose, event.result, self._version)
        self._own.append(event.result)
        self._observer.finished(step, event.result)

    def _await_all(self) -> None:
        """Let what runs end, and keep what it yields; it is the first error that will be told."""
        while self._running:
            with suppress(Exception):
                self._await_end()

    def _new_folder(self, sha: str) -> Path:
        number = len(self._own) + len(self._running) + 1
        while any(self._folder.glob(f"{number:03}-*")):
            number += 1
        folder = self._folder / f"{number:03}-{sha[:9]}"
        folder.mkdir(parents=True)
        return folder
