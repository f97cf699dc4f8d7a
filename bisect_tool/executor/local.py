"""Run trials in parallel on this machine: a slot has its own worktree, ports and GPUs."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bisect_tool.build import fingerprint, lineage
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.event import Entered, Event, Failed, Noted, Waits, Yielded
from bisect_tool.executor.event_queue import EventQueue
from bisect_tool.executor.executor import Capabilities, require_parallel
from bisect_tool.executor.gpu_slots import GpuSlots, gpus_of_slots
from bisect_tool.executor.pinned_tests import pin
from bisect_tool.executor.prefetch import Prefetch
from bisect_tool.git import CheckoutFailed, Repository, Worktree, Worktrees
from bisect_tool.supervise.fork_server import SERVER
from bisect_tool.supervise.guarded_run import recover
from bisect_tool.supervise.held_gpus import WaitCancelled, hold_gpus
from bisect_tool.trial.config import TrialSpec
from bisect_tool.trial.run import TrialAborted, clear, lost, run_trial, untestable, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bisect_tool.trial.config import TrialConfig
    from bisect_tool.trial.result import TrialResult

_FREE_HINT = "Stop what uses it, or choose other GPUs with --gpus, and resume."


class LocalExecutor:
    """Owns the slots' worktrees and GPUs while they are reserved.

    Every trial runs in a thread of its own, and all threads share one event queue.

    Raises:
        UsageError: trials of this profile cannot run in parallel.
        EnvironmentFailed: this machine has too few GPUs for the slots.
    """

    def __init__(
        self,
        config: TrialConfig,
        repository: Repository,
        cancel: threading.Event,
    ) -> None:
        require_parallel(config)
        self._config = config
        self._repository = repository
        self.cancel = cancel
        sparse = config.profile.sparse if config.profile else ()
        self._worktrees = Worktrees(repository, config.home.cache / "worktrees", sparse)
        self._events = EventQueue()
        self._prefetch = Prefetch(config, repository, self._worktrees, self._note)
        self._trees: list[Worktree] = []
        self._slots = GpuSlots(config)

    @contextmanager
    def reserve(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the GPUs and worktrees of all slots."""
        with ExitStack() as held:
            held.enter_context(SERVER)
            try:
                held.enter_context(hold_gpus(gpus_of_slots(self._config), on_wait, self.cancel))
            except WaitCancelled:
                raise TrialAborted("interrupted while another run held the GPUs") from None
            self._trees = [
                held.enter_context(self._worktrees.slot(slot)) for slot in range(self._config.slots)
            ]
            at_once = False
            try:
                yield
            except KeyboardInterrupt:
                at_once = True
                raise
            finally:
                self._prefetch.stop(at_once=at_once)

    @property
    def capabilities(self) -> Capabilities:
        """Every capability."""
        return Capabilities()

    @property
    def capacity(self) -> int:
        """The number of free slots."""
        return len(self._slots.idle)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """None: trials end with the run that started them."""
        return ()

    def recover(self, folder: Path) -> None:
        """End the processes of a killed run's trial, and remove its folders."""
        recover(folder)
        clear(folder)

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial in a free slot, and return the slot."""
        slot = self._slots.take()
        # A second Ctrl-C ends us at once: nothing waits for this thread then, and the guardian is on its own.
        work = (slot, sha, cells, folder)
        threading.Thread(target=self._work, args=work, name=f"slot {slot}", daemon=True).start()
        return slot

    def prefetch(self, shas: tuple[str, ...]) -> None:
        """Prepare the environments of these commits in the background; replaces the previous request."""
        self._prefetch.request(shas)

    def next_event(self) -> Event:
        """Wait for the next event of a trial: every phase has a deadline.

        A trial that was lost because no slot has free GPUs ends the run.
        """
        event = self._events.take()
        if isinstance(event, Yielded | Failed):
            self._slots.give_back(event.slot)
        if isinstance(event, Yielded) and (why := self._slots.unusable):
            return Failed(event.slot, EnvironmentFailed(f"no GPU is free: {why}", _FREE_HINT))
        return event

    def _note(self, sentence: str) -> None:
        self._events.put(Noted(sentence))

    def _wait(self, sentence: str) -> None:
        self._events.put(Waits(sentence))

    def _work(self, slot: int, sha: str, cells: tuple[str, ...] | None, folder: Path) -> None:
        try:
            self._events.put(Yielded(slot, self._run(slot, sha, cells, folder)))
        except BaseException as error:  # noqa: BLE001 - raised again by the session loop
            self._events.put(Failed(slot, error))

    def _run(self, slot: int, sha: str, cells: tuple[str, ...] | None, folder: Path) -> TrialResult:
        def phase(name: str, folder: Path) -> None:
            self._events.put(Entered(slot, name, folder))

        if busy := self._slots.await_gpus(slot, self.cancel, self._wait):
            return lost(sha, folder, slot, busy).model_copy(update={"where": where(self._config, slot)})
        phase("checkout", folder)
        worktree = self._trees[slot]
        try:
            tree = worktree.checkout(sha)
        except CheckoutFailed as error:
            return untestable(sha, folder, slot, f"cannot be checked out: {error}")
        pin(self._config.check, self._repository, worktree)
        profile = self._config.profile
        name = fingerprint(self._repository, sha, profile.build) if profile else ""
        wheels = lineage(self._repository, sha, profile.build) if profile else None
        order = TrialSpec(sha, tree, name, cells, folder, slot, worktree.added, self._wait, wheels)
        return run_trial(self._config, order, phase, self.cancel)
