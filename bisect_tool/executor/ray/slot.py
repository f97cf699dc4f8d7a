"""One slot of a Ray cluster: its actor and its running trial."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.build import lineage
from bisect_tool.executor.event import Entered, Waits
from bisect_tool.executor.ray.archive import unpack
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.executor.ray.messages import Order
from bisect_tool.git.plumbing import NETWORK_S
from bisect_tool.trial.result import TrialResult
from bisect_tool.trial.run import TrialAborted, lost

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from bisect_tool.executor.event import Event
    from bisect_tool.executor.ray.cluster import Cluster, Worker
    from bisect_tool.executor.ray.messages import Place, Progress, Ran, Setup
    from bisect_tool.executor.ray.needs import Needs
    from bisect_tool.executor.ray.objects import Sender

_POLL_S = 0.5
_PATIENCE_S = 20.0
_QUEUE_S = 24 * 3600.0
"""The longest wait for a node."""
_RESULT_S = 600.0
"""The longest transfer of a trial's logs."""
_CANCEL_S = 60.0


@dataclass(frozen=True)
class Connection:
    """The state shared by all slots of a session while connected to a cluster.

    Attributes:
        cluster: The cluster.
        setup: The setup of all trials.
        shared: The setup in the cluster's object store.
        sender: Sends commits to nodes.
        needs: The resources of each trial.
        cancel: Set to end the trials.
        put: Called with the events of the trials.
        sent: The commits that were sent to any node.
    """

    cluster: Cluster
    setup: Setup
    shared: Any
    sender: Sender
    needs: Needs
    cancel: threading.Event
    put: Callable[[Event], None]
    sent: list[str] = field(default_factory=list)


class Slot:
    """Runs the trials of one slot in its actor; a lost actor is replaced."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._worker: Worker | None = None
        self._place: Place | None = None

    def run(
        self, connection: Connection, sha: str, cells: tuple[str, ...] | None, folder: Path
    ) -> TrialResult:
        """Run one trial to its end; if its actor is lost, so is the trial.

        Raises:
            TrialAborted: it was cancelled.
            EnvironmentFailed: no actor can be created, or a commit cannot be packed.
            BisectError: the trial raised it on the node; it ends the session.
        """
        try:
            worker, place = self._actor(connection, folder)
            self._send(connection, worker, sha)
            ran = self._follow(connection, worker, self._order(connection, sha, cells, folder), folder)
        except WorkerLost as error:
            where = str(self._place or "")
            self.end()
            why = f"{where or 'an actor of Ray'} was lost: {error}"
            return lost(sha, folder, self._number, why).model_copy(update={"where": where})
        unpack(ran.folder, folder)
        result = TrialResult.model_validate_json(ran.result)
        where = ", ".join(filter(None, (str(place), result.where)))
        return result.model_copy(update={"folder": str(folder), "where": where})

    def renew(self) -> None:
        """Renew the actor's lease."""
        if (worker := self._worker) is not None:
            with suppress(WorkerLost):  # which its trial finds as well
                worker.call("renew")

    def end(self) -> None:
        """End the actor, if any, and its trial."""
        worker, self._worker, self._place = self._worker, None, None
        if worker is not None:
            worker.end()

    def _actor(self, connection: Connection, folder: Path) -> tuple[Worker, Place]:
        """Return the actor and its node, waiting until a node has room for it."""
        if self._worker is None or self._place is None:
            name = f"{connection.setup.session}-{self._number}-{secrets.token_hex(3)}"
            self._worker = connection.cluster.start(name, connection.shared, connection.needs)
            self._place = self._await_start(connection, self._worker, folder)
        return self._worker, self._place

    def _await_start(self, connection: Connection, worker: Worker, folder: Path) -> Place:
        connection.put(Entered(self._number, "queued", folder))
        starting, doing = worker.call("place"), "a trial waited for a node of the cluster"
        if not self._ends(connection, starting, _PATIENCE_S, doing):
            connection.put(Waits(f"waiting for a node of the cluster with {connection.needs} free"))
        place: Place = self._answer(connection, worker, starting, _QUEUE_S, doing)
        return place

    def _send(self, connection: Connection, worker: Worker, sha: str) -> None:
        """Send the commits of a trial that its node does not have."""
        pinned, doing = connection.setup.config.check.pinned_to, "commits were sent to a node"
        shas, lease_s = (sha, pinned) if pinned else (sha,), connection.setup.lease_s
        received = self._answer(connection, worker, worker.call("received"), lease_s, doing)
        for parcel in connection.sender.parcels(shas, received, tuple(connection.sent)):
            receiving = worker.call("receive", parcel)
            self._answer(connection, worker, receiving, NETWORK_S + lease_s, doing)
        connection.sent.extend(each for each in shas if each not in connection.sent)

    def _order(self, connection: Connection, sha: str, cells: tuple[str, ...] | None, folder: Path) -> Order:
        profile = connection.setup.config.profile
        wheels = lineage(connection.sender.repository, sha, profile.build) if profile else None
        name = f"{connection.setup.session}-{folder.name}-{secrets.token_hex(3)}"
        return Order(name, sha, cells, self._number, wheels)

    def _follow(self, connection: Connection, worker: Worker, order: Order, folder: Path) -> Ran:
        """Start the trial, and report its progress until it ends."""
        running, sizes = worker.call("run", order), dict[str, int]()
        asked, heard = worker.call("progress", {}), time.monotonic()
        while not _ended(running, _POLL_S):
            if connection.cancel.is_set():
                return self._cancelled(worker, running)
            if asked.done():
                progress = worker.result(asked)
                self._show(connection, progress, sizes, folder)
                if progress.ended == order.name:
                    break
                asked, heard = worker.call("progress", dict(sizes)), time.monotonic()
            elif time.monotonic() - heard > connection.setup.lease_s:
                raise WorkerLost(f"it did not answer for {connection.setup.lease_s:.0f} s")
        # The logs of a node that died after its trial never come, and Ray says so to nobody who waits.
        ran: Ran = self._answer(connection, worker, running, _RESULT_S, "the logs of a trial were sent")
        return ran

    def _cancelled(self, worker: Worker, running: Future[Any]) -> Ran:
        """Cancel the trial, which raises TrialAborted."""
        worker.call("cancel")
        if not _ended(running, _CANCEL_S):
            self.end()
            raise TrialAborted("the trial was interrupted, and its actor does not answer")
        ran: Ran = worker.result(running)
        return ran

    def _answer(
        self, connection: Connection, worker: Worker, asked: Future[Any], within_s: float, doing: str
    ) -> Any:  # noqa: ANN401 - what the method returned
        """Return the result of a method.

        Raises:
            TrialAborted: the session is cancelled.
            WorkerLost: the result is late or lost.
        """
        if not self._ends(connection, asked, within_s, doing):
            raise WorkerLost(f"it did not answer for {within_s:.0f} s while {doing}")
        return worker.result(asked)

    def _ends(self, connection: Connection, asked: Future[Any], within_s: float, doing: str) -> bool:
        """Whether a call ends in this time; raises TrialAborted if the session is cancelled."""
        ends = time.monotonic() + within_s
        while not _ended(asked, _POLL_S):
            if connection.cancel.is_set():
                self.end()
                raise TrialAborted(f"interrupted while {doing}")
            if time.monotonic() > ends:
                return False
        return True

    def _show(self, connection: Connection, progress: Progress, sizes: dict[str, int], folder: Path) -> None:
        for phase in progress.phases:
            connection.put(Entered(self._number, phase, folder))
        for sentence in progress.waits:
            connection.put(Waits(sentence))
        _append(progress.grown, folder)
        for name, piece in progress.grown.items():
            sizes[name] = sizes.get(name, 0) + len(piece)


def _ended(future: Future[Any], timeout_s: float) -> bool:
    """Whether a call ends in this time."""
    return bool(wait([future], timeout_s).done)


def _append(grown: Mapping[str, bytes], folder: Path) -> None:
    for name, piece in grown.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(piece)
