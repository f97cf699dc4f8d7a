"""Trials as jobs of a CI service: a slot is a job that is followed until it ends.

No thread is needed: `next_event` looks at every job in turn, and waits between two rounds. So all requests of
a session share one rate limit.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError
from bisect_tool.executor.ci.caller import LostAnswer, Refused
from bisect_tool.executor.ci.decide import Follow, GiveUp, Use, Wait, next_action
from bisect_tool.executor.ci.interrupted import StartedJob, interrupted, summary
from bisect_tool.executor.ci.jobs import Stage
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.results import no_result, trial_result
from bisect_tool.executor.event import Entered, Event, Failed, Noted, Yielded
from bisect_tool.executor.executor import JOBS_OF_CI, Capabilities, DryRunEnded, refused
from bisect_tool.sanitise import clean
from bisect_tool.trial.run import TrialAborted, clear
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bisect_tool.executor.ci.call import Call
    from bisect_tool.executor.ci.decide import Action
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.executor.ci.service import JobService
    from bisect_tool.request import JobCheck
    from bisect_tool.trial.result import TrialResult

_log = logging.getLogger("bisect_run.executor")
LOG = "job.log"
_LONGEST_S = 24 * 3600.0
"""The longest wait for a job, its time in the queue included."""
_APPEARS_S = 120.0
"""How long a job that was started may be missing from what the service lists."""


@dataclass
class _Trial:
    """A trial in a slot: the attempt that it follows, and whether we started that."""

    sha: str
    asked: tuple[str, ...]
    folder: Path
    began: float
    follows: Attempt | None = None
    started: bool = False
    acted: float | None = None
    phase: str = ""


@dataclass(frozen=True)
class Timing:
    """How long to wait between two rounds, in seconds, and the clock."""

    poll_s: float = 30.0
    clock: Callable[[], float] = time.monotonic


class CiExecutor:
    """Owns no worktree and no GPU: the service has them."""

    def __init__(  # noqa: PLR0913 - what a session knows
        self,
        check: JobCheck,
        service: JobService,
        journal: Journal,
        cancel: threading.Event,
        *,
        slots: int = 1,
        cells: Sequence[str] = (),
        used: Iterable[str] = (),
        agreed: Callable[[str], bool] = refused,
        timing: Timing = Timing(),
    ) -> None:
        """Start nothing yet.

        Args:
            check: which job, and what may be done.
            service: where it runs.
            journal: what was started before.
            cancel: set to end the session.
            slots: how many jobs may be in progress at a time.
            cells: patterns of the tests that are cells; empty for all.
            used: attempts that are trials of the session already.
            agreed: answers whether the jobs that run are to be canceled when `cancel` was set.
            timing: when to look.
        """
        self._check, self._service, self._journal = check, service, journal
        self.cancel = cancel
        self._cells, self._agreed, self._timing = cells, agreed, timing
        self._taken = set(used)
        self._idle = list(range(slots))
        self._running: dict[int, _Trial] = {}
        self._events: deque[Event] = deque()

    @contextmanager
    def reserve(self, waiting: Callable[[str], None]) -> Iterator[None]:  # noqa: ARG002 - nothing is held
        """Hold nothing, and close the connections at the end: what goes on goes on at the service."""
        try:
            yield
        finally:
            self._service.close()

    @property
    def capabilities(self) -> Capabilities:
        """None."""
        return JOBS_OF_CI

    @property
    def capacity(self) -> int:
        """How many slots are free."""
        return len(self._idle)

    def recover(self, folder: Path) -> None:
        """Remove the folder: the job goes on, and is found by the journal."""
        clear(folder)

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial in a free slot, and return that; a job runs all of its tests in any case."""
        slot = min(self._idle)
        self._idle.remove(slot)
        trial = _Trial(sha, cells or (), folder, self._timing.clock())
        if self._journal.is_open(sha) and not self._is_awaited(trial):
            trial.started, trial.acted = True, trial.began
        self._running[slot] = trial
        return slot

    def prefetch(self, shas: tuple[str, ...]) -> None:
        """Do nothing: the service builds."""

    def next_event(self) -> Event:
        """Wait for the next event of a job."""
        while not self._events:
            if self.cancel.is_set():
                self._abandon()
                break
            for slot in sorted(self._running):
                self._look(slot)
            if not self._events:
                self.cancel.wait(self._timing.poll_s)
        event = self._events.popleft()
        if isinstance(event, Yielded | Failed):
            del self._running[event.slot]
            self._idle.append(event.slot)
        return event

    def _look(self, slot: int) -> None:
        """Look at the job in a slot; whatever goes wrong ends its trial."""
        trial = self._running[slot]
        try:
            result = self._result(slot, trial)
        except Exception as error:  # noqa: BLE001 - raised again by the session loop
            if not self.cancel.is_set():  # which ends the waits of a request as well
                self._events.append(Failed(slot, error))
            return
        if result is not None:
            # A run that was dispatched is one of the branch's tip, whatever commit it tests.
            placed = {"sha": trial.sha, "slot": slot, "folder": str(trial.folder)}
            self._events.append(Yielded(slot, result.model_copy(update=placed)))

    def _result(self, slot: int, trial: _Trial) -> TrialResult | None:
        """The result of a trial; None while there is none."""
        if self._timing.clock() - trial.began > _LONGEST_S:
            return no_result(trial.sha, Outcome.INFRASTRUCTURE, "no job ended within 24 hours")
        jobs = self._service.look(trial.sha)
        if trial.follows is None:
            return self._next(slot, trial, jobs)
        attempt = jobs.attempt(trial.follows.id)
        if attempt is None:
            return no_result(trial.sha, Outcome.INFRASTRUCTURE, "the job is not listed any more")
        return self._follow(slot, trial, attempt)

    def _next(self, slot: int, trial: _Trial, jobs: CommitJobs) -> TrialResult | None:
        """Find the attempt that is the trial, or start one."""
        if ours := self._ours(trial, jobs):
            trial.started = True
            return self._follow(slot, trial, ours)
        action: Action = Wait()  # for what another trial started, which appears next
        if not self._is_awaited(trial):
            action = next_action(jobs, self._taken)
        if isinstance(action, Use | Follow):
            if trial.acted is not None:
                self._journal.add(Record(trial.sha, attempt=action.attempt.id))
            return self._follow(slot, trial, action.attempt)
        if isinstance(action, Wait):
            self._phase(slot, trial, "waiting for another job")
            return None
        if trial.acted is not None:
            return self._unfound(trial, trial.acted)
        if isinstance(action, GiveUp):
            return no_result(trial.sha, Outcome.UNBUILDABLE, action.reason)
        return self._start(slot, trial, action, jobs)

    def _is_awaited(self, trial: _Trial) -> bool:
        """Whether a job appears soon that another trial of the same commit started."""
        others = (each for each in self._running.values() if each is not trial and each.sha == trial.sha)
        return any(each.acted is not None and not each.follows for each in others)

    def _ours(self, trial: _Trial, jobs: CommitJobs) -> Attempt | None:
        """An attempt that was started and is no trial yet.

        The session started it before it was interrupted; or it came of the call for this trial and has ended
        since, maybe without a result.
        """
        left = self._journal.attempts - self._taken
        found = next((each for each in jobs.attempts if each.id in left), None)
        if found is not None or trial.acted is None:
            return found
        old = self._taken | self._journal.before(trial.sha)
        ended = (each for each in jobs.attempts if each.stage is Stage.ENDED)
        found = next((each for each in ended if each.id not in old), None)
        if found is not None:
            self._journal.add(Record(trial.sha, attempt=found.id))
        return found

    def _start(self, slot: int, trial: _Trial, call: Call, jobs: CommitJobs) -> TrialResult | None:
        """Start a job."""
        line = self._service.describe(call)
        if self._check.dry_run:
            self._events.append(Noted(f"would {line}"))
            raise DryRunEnded("the next step is to start a job: --dry-run ends here")
        before = tuple(each.id for each in jobs.attempts if each.stage is Stage.ENDED)
        self._journal.add(Record(trial.sha, call=line, before=before))
        trial.started, trial.acted = True, self._timing.clock()
        try:
            self._service.carry_out(call, trial.sha)
        except LostAnswer as error:
            _log.warning("%s: %s; looking whether it was done", line, error)
        except Refused as error:
            self._journal.add(Record(trial.sha, lost=True))
            return no_result(trial.sha, Outcome.UNBUILDABLE, error.message)
        except BisectError:
            self._journal.add(Record(trial.sha, lost=True))
            raise
        self._phase(slot, trial, "starting a job")
        return None

    def _unfound(self, trial: _Trial, acted: float) -> TrialResult | None:
        """No result, if what was started did not appear for long."""
        if self._timing.clock() - acted <= _APPEARS_S:
            return None
        self._journal.add(Record(trial.sha, lost=True))
        reason = "the job that was started does not appear"
        return no_result(trial.sha, Outcome.INFRASTRUCTURE, reason)

    def _follow(self, slot: int, trial: _Trial, attempt: Attempt) -> TrialResult | None:
        """The result of an attempt that has ended; else what it says so far is kept in the trial's folder."""
        self._taken.add(attempt.id)
        trial.follows = attempt
        if attempt.stage in (Stage.WAITING, Stage.BLOCKED):
            self._phase(slot, trial, "queued")
            return None
        log = self._service.log(attempt)
        self._keep(trial, log)
        if attempt.stage is not Stage.ENDED:
            self._phase(slot, trial, "test")
            return None
        result = trial_result(
            attempt,
            log,
            self._service.name,
            trial.asked,
            self._cells,
            reports=self._service.reports(attempt),
            started=trial.started,
        )
        if result.outcome is Outcome.INFRASTRUCTURE and not trial.started:
            # What others ran says nothing here, and is no reason to give the commit up.
            trial.follows = None
            return None
        return result

    def _phase(self, slot: int, trial: _Trial, phase: str) -> None:
        if phase != trial.phase:
            trial.phase = phase
            self._events.append(Entered(slot, phase, trial.folder))

    @staticmethod
    def _keep(trial: _Trial, log: str) -> None:
        logs = trial.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / LOG).write_text(clean(log), encoding="utf-8")

    def _abandon(self) -> None:
        """Leave all jobs, or cancel those that were started, and say which."""
        started = [StartedJob(each.sha, each.follows) for each in self._running.values() if each.started]
        outcomes = interrupted(started, self._service, self._journal, self._is_to_cancel)
        self._events.extend(Noted(str(each)) for each in outcomes)
        error = TrialAborted("the session was interrupted", remains=summary(outcomes))
        self._events.extend(Failed(slot, error) for slot in sorted(self._running))

    def _is_to_cancel(self, question: str) -> bool:
        return self._check.cancel_jobs or self._agreed(question)
