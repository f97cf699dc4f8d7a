"""Run trials as jobs of a CI service: a slot follows one job until it ends.

There are no threads: `next_event` polls every job in turn, and waits between two rounds. So all requests of a
session share one rate limit.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.ci.interrupted_jobs import StartedJob, interrupted, summary
from bisect_tool.executor.ci.trials import JobTrial, JobTrials
from bisect_tool.executor.event import Event, Failed, Noted, Yielded
from bisect_tool.executor.executor import JOBS_OF_CI, Capabilities, refused
from bisect_tool.trial.run import TrialAborted, clear

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bisect_tool.checks import JobCheck
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.executor.ci.service import JobService


_OUTAGE_S = 1800.0
"""How long the service may fail while a job runs."""


@dataclass(frozen=True)
class Timing:
    """The seconds between two rounds of polling, and the clock."""

    poll_s: float = 30.0
    clock: Callable[[], float] = time.monotonic


class CiExecutor:
    """Runs trials on a CI service; it owns no worktrees or GPUs."""

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
            check: the job, and the permitted calls.
            service: the service of the job.
            journal: the jobs started before.
            cancel: set to end the session.
            slots: the number of parallel jobs.
            cells: patterns of the tests that are cells; empty for all.
            used: attempts that are trials of the session already.
            agreed: answers whether to cancel running jobs after `cancel` was set.
            timing: when to poll.
        """
        self._check, self._service, self._journal = check, service, journal
        self.cancel = cancel
        self._agreed, self._timing = agreed, timing
        self._events: deque[Event] = deque()
        put, taken = self._events.append, set(used)
        self._unfinished = journal.unfinished(taken)
        self._trials = JobTrials(check, service, journal, cells, timing.clock, put, taken)
        self._idle = list(range(slots))
        self._running: dict[int, JobTrial] = {}

    @contextmanager
    def reserve(self, on_wait: Callable[[str], None]) -> Iterator[None]:  # noqa: ARG002 - nothing is held
        """Hold nothing; close the connections at the end. Jobs continue at the service."""
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
        """The number of free slots."""
        return len(self._idle)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The commits of the jobs that an earlier run of the session started, and that are no trial yet."""
        return self._unfinished

    def recover(self, folder: Path) -> None:
        """Remove the folder: the job continues, and is found through the journal."""
        clear(folder)

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial in a free slot, and return the slot; a job always runs all of its tests."""
        slot = min(self._idle)
        self._idle.remove(slot)
        trial = JobTrial(slot, sha, cells or (), folder, self._timing.clock())
        self._trials.begin(trial, self._running.values())
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
        """Poll the job of a slot; any error ends its trial."""
        trial = self._running[slot]
        try:
            result = self._trials.result(trial, self._running.values())
        except Exception as error:  # noqa: BLE001 - raised again by the session loop
            if not self.cancel.is_set():  # which ends the waits of a request as well
                self._events.extend(self._after(error, trial))
            return
        trial.unreachable = None
        if result is not None:
            # A run that was dispatched is one of the branch's tip, whatever commit it tests.
            placed = {"sha": trial.sha, "slot": slot, "folder": str(trial.folder)}
            self._events.append(Yielded(slot, result.model_copy(update=placed)))

    def _after(self, error: Exception, trial: JobTrial) -> tuple[Event, ...]:
        """Return what an error leads to: a job that runs is worth waiting for a service that fails."""
        now = self._timing.clock()
        since = now if trial.unreachable is None else trial.unreachable
        is_final = not isinstance(error, EnvironmentFailed) or isinstance(error, UnexpectedAnswer)
        if is_final or trial.follows is None or now - since > _OUTAGE_S:
            return (Failed(trial.slot, error),)
        is_known, trial.unreachable = trial.unreachable is not None, since
        return () if is_known else (Noted(f"{error}; trying again for {_OUTAGE_S / 60:.0f} minutes"),)

    def _abandon(self) -> None:
        """Leave all jobs running, or cancel those that we started, and report both."""
        started = [StartedJob(each.sha, each.follows) for each in self._running.values() if each.started]
        outcomes = interrupted(started, self._service, self._journal, self._is_to_cancel)
        self._events.extend(Noted(str(each)) for each in outcomes)
        error = TrialAborted("the session was interrupted", remains=summary(outcomes))
        self._events.extend(Failed(slot, error) for slot in sorted(self._running))

    def _is_to_cancel(self, question: str) -> bool:
        return self._check.cancel_jobs or self._agreed(question)
