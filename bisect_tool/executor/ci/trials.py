"""Run a trial as a CI job: find or start its attempt, follow it, and read its result."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State
from bisect_tool.errors import BisectError, UsageError
from bisect_tool.executor.ci.caller import LostAnswer, Refused
from bisect_tool.executor.ci.decide import Follow, GiveUp, Use, Wait, next_action
from bisect_tool.executor.ci.jobs import Stage
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.results import no_result, trial_result
from bisect_tool.executor.event import Entered, Noted
from bisect_tool.format import short
from bisect_tool.sanitise import clean
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from bisect_tool.checks import JobCheck
    from bisect_tool.executor.ci.call import Call
    from bisect_tool.executor.ci.decide import Action
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.executor.ci.service import JobService
    from bisect_tool.executor.event import Event
    from bisect_tool.trial.result import TrialResult

_log = logging.getLogger("bisect_run.executor")
LOG = "job.log"
_STARTED = (Stage.RUNNING, Stage.ENDED)
_LONGEST_S = 24 * 3600.0
"""The longest wait for a job, including its time in the queue."""
_APPEARS_S = 120.0
"""How long a started job may be missing from the service's list, and the log of an ended one."""


@dataclass
class JobTrial:
    """A trial in a slot: the attempt that it follows, and whether we started it.

    `seen` are the builds of the commit before this run of the session started one for it.
    """

    slot: int
    sha: str
    asked: tuple[str, ...]
    folder: Path
    began: float
    follows: Attempt | None = None
    started: bool = False
    acted: float | None = None
    sent: str = ""
    seen: tuple[str, ...] | None = None
    ended: float | None = None
    unreachable: float | None = None
    phase: str = ""


@dataclass(frozen=True)
class JobTrials:
    """Advances the running trials, one poll at a time.

    Attributes:
        check: The job, and the permitted calls.
        service: The service of the job.
        journal: The jobs started before.
        cells: Patterns of the tests that are cells; empty for all.
        clock: The time in seconds.
        put: Called with the events of the trials.
        taken: The attempts that are trials already.
        refused: The reasons of the service for rejecting calls, by path.
    """

    check: JobCheck
    service: JobService
    journal: Journal
    cells: Sequence[str]
    clock: Callable[[], float]
    put: Callable[[Event], None]
    taken: set[str]
    refused: dict[str, str] = field(default_factory=dict)

    def begin(self, trial: JobTrial, others: Collection[JobTrial]) -> None:
        """Find out whether an earlier run of the session started the job of a trial.

        Such a trial waits for that job, and starts none.
        """
        if trial.sha in self.journal.unfinished(self.taken) and not _is_awaited(trial, others):
            trial.started, trial.acted = True, trial.began

    def _recall(self, trial: JobTrial, others: Collection[JobTrial]) -> None:
        """Await a job that the service shows to be ours, although the journal lacked it."""
        if trial.acted is None and self.journal.is_open(trial.sha) and not _is_awaited(trial, others):
            trial.started, trial.acted = True, self.clock()

    def result(self, trial: JobTrial, others: Collection[JobTrial]) -> TrialResult | None:
        """Return the result of a trial, or None while it is not finished.

        Raises:
            BisectError: the service failed, or rejected a call.
        """
        if self.clock() - trial.began > _LONGEST_S:
            return no_result(trial.sha, Outcome.INFRASTRUCTURE, "no job ended within 24 hours")
        jobs = self.service.look(trial.sha)
        if trial.follows is None:
            return self._next(trial, jobs, others)
        attempt = jobs.attempt(trial.follows.id)
        if attempt is None:
            self.journal.add(Record(trial.sha, canceled=trial.follows.id))
            return no_result(trial.sha, Outcome.INFRASTRUCTURE, "the job is no longer listed")
        return self._follow(trial, attempt)

    def _next(self, trial: JobTrial, jobs: CommitJobs, others: Collection[JobTrial]) -> TrialResult | None:
        """Find the attempt that is the trial, or start one."""
        is_awaited = _is_awaited(trial, others)
        left = frozenset() if is_awaited else self.journal.attempts - self.taken
        if found := next((each for each in jobs.attempts if each.id in left), None):
            trial.started = True  # before an interrupt
            return self._follow(trial, found)
        self._recall(trial, others)
        if trial.acted is not None:
            return self._started(trial, jobs, trial.acted)
        action: Action = Wait()  # for what another trial started, which appears next
        if not is_awaited:
            action = next_action(jobs, self.taken, self.refused)
        if isinstance(action, Use | Follow):
            return self._follow(trial, action.attempt)
        if isinstance(action, Wait):
            self._phase(trial, "waiting for another job")
            return None
        if isinstance(action, GiveUp):
            return no_result(trial.sha, Outcome.UNBUILDABLE, action.reason)
        return self._start(trial, action, jobs)

    def _started(self, trial: JobTrial, jobs: CommitJobs, acted: float) -> TrialResult | None:
        """Find the attempt that the call of a trial started, or withdraw a build that is the second one."""
        if not self.journal.is_open(trial.sha):  # the attempt is known, and not listed yet
            return self._unfound(trial, acted)
        run = self.journal.run(trial.sha)
        if self._is_second(trial, jobs, run) and self._is_withdrawn(trial, run):
            return None
        return self._await(trial, jobs, acted)

    def _await(self, trial: JobTrial, jobs: CommitJobs, acted: float) -> TrialResult | None:
        """Find the attempt that the call of a trial started; it may have ended since, without a result."""
        run = self.journal.run(trial.sha)
        jobs, old = jobs.of(run), self.taken | self.journal.before(trial.sha)
        if run in jobs.without:
            return self._untestable(trial, f"{run} was started for this commit, and ended without the job")
        new = (each for each in jobs.attempts if each.stage is Stage.ENDED and each.id not in old)
        action = Use(found) if (found := next(new, None)) else next_action(jobs, old, self.refused)
        if isinstance(action, Use | Follow):
            self.journal.add(Record(trial.sha, attempt=action.attempt.id))
            return self._follow(trial, action.attempt)
        if isinstance(action, Wait):
            self._phase(trial, "waiting for another job")
            return None
        if run and _is_blocked(jobs):  # in a build that we started
            if isinstance(action, GiveUp):
                return self._untestable(trial, action.reason)
            if action.path != trial.sent:
                return self._start(trial, action, jobs)
        return self._unfound(trial, acted)

    @staticmethod
    def _is_second(trial: JobTrial, jobs: CommitJobs, run: str) -> bool:
        """Whether somebody started a build of the commit shortly before ours, whose job does not run yet."""
        if trial.seen is None or run not in jobs.builds:
            return False
        began = any(each.stage in _STARTED for each in jobs.of(run).attempts)
        return not began and any(int(each) < int(run) for each in {*jobs.builds} - {*trial.seen})

    def _is_withdrawn(self, trial: JobTrial, run: str) -> bool:
        """Cancel a build that we started, if that is possible: the trial uses that of somebody else."""
        trial.seen = None
        try:
            self.service.cancel(run)
        except BisectError as error:
            _log.warning("build %s is not cancelled: %s", run, error.message)
            return False
        self.put(
            Noted(f"build {run} is cancelled: another build of {short(trial.sha)} was started before it")
        )
        self.journal.add(Record(trial.sha, lost=True))
        trial.started, trial.acted = False, None
        return True

    def _untestable(self, trial: JobTrial, reason: str) -> TrialResult:
        """Return that a commit cannot be tested, although a build was started."""
        self.journal.add(Record(trial.sha, lost=True))
        return no_result(trial.sha, Outcome.UNBUILDABLE, reason)

    def _start(self, trial: JobTrial, call: Call, jobs: CommitJobs) -> TrialResult | None:
        """Start a job."""
        line = self.service.describe(call)
        before = tuple(each.id for each in jobs.attempts if each.stage is Stage.ENDED)
        is_start = call == jobs.start
        newest = jobs.newest if is_start else ""
        self.journal.add(Record(trial.sha, call=line, before=before, newest=newest))
        trial.started, trial.acted, trial.sent = True, self.clock(), call.path
        trial.seen = jobs.builds if is_start else None
        try:
            self.service.carry_out(call, trial.sha)
        except LostAnswer as error:
            _log.warning("%s: %s; checking whether it was done", line, error)
        except Refused as error:
            # Someone else may have started the job, or another call may be possible: look again.
            self.journal.add(Record(trial.sha, lost=True))
            self.refused[call.path] = error.message
            trial.started, trial.acted = False, None
            return None
        except BisectError:
            self.journal.add(Record(trial.sha, lost=True))
            raise
        self._phase(trial, "starting a job")
        return None

    def _unfound(self, trial: JobTrial, acted: float) -> TrialResult | None:
        """Return no result if a started job has not appeared for a long time."""
        if self.clock() - acted <= _APPEARS_S:
            return None
        if self._claims(trial.sha):
            trial.acted = self.clock()
            return None
        self.journal.add(Record(trial.sha, lost=True))
        reason = "the service does not list the started job"
        return no_result(trial.sha, Outcome.INFRASTRUCTURE, reason)

    def _claims(self, sha: str) -> bool:
        """Whether a run that does not say its commit must be the one that was started."""
        try:
            return self.journal.is_open(sha) and not self.journal.run(sha) and self.service.claim(sha)
        except UsageError:
            self.journal.add(Record(sha, lost=True))  # a resumed session may start another one
            raise

    def _follow(self, trial: JobTrial, attempt: Attempt) -> TrialResult | None:
        """Return the result of an ended attempt; otherwise write its log so far to the trial's folder."""
        self.taken.add(attempt.id)
        trial.follows = attempt
        if attempt.stage in (Stage.WAITING, Stage.BLOCKED):
            self._phase(trial, "queued")
            return None
        log = self.service.log(attempt)
        self._keep(trial, log)
        if attempt.stage is not Stage.ENDED:
            self._phase(trial, "test")
            return None
        if not log and self._is_fresh(trial, attempt):
            return None
        result = trial_result(
            attempt,
            log,
            self.service.name,
            trial.asked,
            self.cells,
            reports=self.service.reports(attempt),
            started=trial.started,
        )
        if result.outcome is Outcome.INFRASTRUCTURE and not trial.started:
            # Jobs of others are no evidence here, and no reason to give the commit up.
            trial.follows = None
            return None
        return result

    def _is_fresh(self, trial: JobTrial, attempt: Attempt) -> bool:
        """Whether an attempt failed while it was watched, and so recently that its log may still come."""
        if attempt.job.state is not State.FAILED or not trial.phase:
            return False
        trial.ended = self.clock() if trial.ended is None else trial.ended
        return self.clock() - trial.ended <= _APPEARS_S

    def _phase(self, trial: JobTrial, phase: str) -> None:
        if phase != trial.phase:
            trial.phase = phase
            self.put(Entered(trial.slot, phase, trial.folder))

    @staticmethod
    def _keep(trial: JobTrial, log: str) -> None:
        logs = trial.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / LOG).write_text(clean(log), encoding="utf-8")


def _is_blocked(jobs: CommitJobs) -> bool:
    return any(each.stage is Stage.BLOCKED for each in jobs.attempts)


def _is_awaited(trial: JobTrial, others: Collection[JobTrial]) -> bool:
    """Whether another trial of the same commit started a job that has not appeared yet."""
    same = (each for each in others if each is not trial and each.sha == trial.sha)
    return any(each.acted is not None and not each.follows for each in same)
