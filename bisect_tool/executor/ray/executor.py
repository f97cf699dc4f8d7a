"""Run trials on a Ray cluster: a slot is an actor, on a node that Ray chooses by the trial's resources.

Each running trial has a thread that communicates with its actor. If an actor or its node is lost, only that
trial is lost: the slot gets a new actor, perhaps on another node.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.event import Event, Failed, Yielded
from bisect_tool.executor.event_queue import EventQueue
from bisect_tool.executor.executor import Capabilities
from bisect_tool.executor.ray.calls import Connection
from bisect_tool.executor.ray.needs import needs_of
from bisect_tool.executor.ray.slot import Slot
from bisect_tool.trial.run import TrialAborted, clear
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bisect_tool.executor.ray.cluster import Cluster
    from bisect_tool.executor.ray.git_objects import Sender
    from bisect_tool.executor.ray.messages import Setup

_log = logging.getLogger("bisect_run.executor")
_JOIN_S = 1.0
_RENEWALS = 6
"""How many renewals of the lease may be lost before an actor treats its driver as gone."""


class RayExecutor:
    """Owns the actors of its slots while connected; no worktrees or GPUs of this machine."""

    def __init__(
        self,
        setup: Setup,
        sender: Sender,
        connect: Callable[[], AbstractContextManager[Cluster]],
        cancel: threading.Event,
    ) -> None:
        """Initialise without connecting.

        Args:
            setup: the setup of all trials.
            sender: sends commits to nodes.
            connect: connects to the cluster for as long as its block lasts.
            cancel: set to end the session.
        """
        self._setup, self._sender, self._connect = setup, sender, connect
        self.cancel = cancel
        self._needs = needs_of(setup.config)
        self._slots = [Slot(number) for number in range(setup.config.slots)]
        self._idle = list(range(setup.config.slots))
        self._events = EventQueue()
        self._connection: Connection | None = None
        self._on_wait: Callable[[str], None] = _log.info
        self._swept = False
        self._lost = False

    @contextmanager
    def reserve(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Connect to the cluster; first end the actors of an earlier run of the session.

        Raises:
            EnvironmentFailed: the cluster cannot be reached, or none of its nodes can run a trial.
            TrialAborted: the session is cancelled, and the cluster cannot be reached.
        """
        with self._cluster() as cluster:
            self._require_node(cluster)
            self._on_wait = on_wait
            cluster.end_all(f"{self._setup.session}-", on_wait)
            shared = cluster.share(self._setup)
            self._connection = Connection(
                cluster, self._setup, shared, self._sender, self._needs, self.cancel, self._events.put
            )
            ended = threading.Event()
            renewing = threading.Thread(target=self._renew, args=(ended,), name="renew leases", daemon=True)
            renewing.start()
            try:
                yield
            finally:
                ended.set()
                for slot in self._slots:
                    slot.end()
                renewing.join(_JOIN_S)
            if self._lost:
                cluster.sweep()

    @property
    def capabilities(self) -> Capabilities:
        """Every capability."""
        return Capabilities()

    @property
    def capacity(self) -> int:
        """The number of free slots; a trial may still have to wait for a node."""
        return len(self._idle)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """None: trials end with the run that started them."""
        return ()

    def recover(self, folder: Path) -> None:
        """Remove the folder of a killed run's trial, and clean up after its trials on the nodes."""
        if not self._swept:
            self._swept = True
            self._on_wait("waiting for the nodes to clean up what the killed run left there")
            self._connected.cluster.sweep()
        clear(folder)

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial in a free slot, and return the slot."""
        slot = min(self._idle)
        self._idle.remove(slot)
        # A second Ctrl-C ends us at once: nothing waits for this thread then, and Ray ends the actor.
        work = (slot, sha, cells, folder)
        threading.Thread(target=self._work, args=work, name=f"slot {slot}", daemon=True).start()
        return slot

    def prefetch(self, shas: tuple[str, ...]) -> None:
        """Do nothing: the node of a commit is not known in advance."""

    def next_event(self) -> Event:
        """Wait for the next event of a trial."""
        event = self._events.take()
        if isinstance(event, Yielded | Failed):
            self._idle.append(event.slot)
        if isinstance(event, Yielded) and event.result.outcome is Outcome.INFRASTRUCTURE:
            self._lost = True
        return event

    def _work(self, slot: int, sha: str, cells: tuple[str, ...] | None, folder: Path) -> None:
        try:
            result = self._slots[slot].run(self._connected, sha, cells, folder)
            self._events.put(Yielded(slot, result))
        except BaseException as error:  # noqa: BLE001 - raised again by the session loop
            self._events.put(Failed(slot, error))

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(self._setup.lease_s / _RENEWALS):
            for slot in self._slots:
                slot.renew()

    @contextmanager
    def _cluster(self) -> Iterator[Cluster]:
        """Connect to the cluster; a failure after an interrupt is that of the interrupt."""
        with ExitStack() as connection:
            try:
                cluster = connection.enter_context(self._connect())
            except EnvironmentFailed as error:
                if self.cancel.is_set():
                    raise TrialAborted("interrupted while the session connected to Ray") from error
                raise
            yield cluster

    @property
    def _connected(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _require_node(self, cluster: Cluster) -> None:
        nodes = cluster.nodes.values()
        needs, able = self._needs, self._needs.able(nodes)
        if able < needs.nodes:
            where = "one node" if needs.nodes == 1 else f"each of {needs.nodes} nodes"
            have = f"only {able}" if able else "none"
            verb = "have" if able > 1 else "has"
            raise EnvironmentFailed(
                f"a trial needs {needs} on {where}, but {have} of the {len(nodes)} nodes {verb} that",
                "See `ray status`. A trial spans several nodes with `ray.nodes` in scenario.toml.",
            )
