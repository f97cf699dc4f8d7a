"""One slot of a Ray cluster: its actor, and the trial that it runs."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.build import lineage
from bisect_tool.executor.event import Entered, Waits
from bisect_tool.executor.ray.archive import unpack
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.executor.ray.messages import Order
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
_ANSWER_S = 30.0
_CANCEL_S = 60.0


@dataclass(frozen=True)
class Connection:
    """What all slots of a session share while it is connected to a cluster.

    Attributes:
        cluster: The cluster.
        setup: What all trials share.
        shared: The same in the cluster's object store.
        sender: Sends commits to nodes.
        needs: What each trial needs.
        cancel: Set to end the trials.
        put: Gets the events of the trials.
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
    """Runs the trials of one slot, each in the actor that it has; one that was lost is replaced."""

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
            EnvironmentFailed: no actor can be made, or a commit cannot be packed.
            BisectError: what ends the trial on a node ends the session.
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
        """Let the actor know that we are there."""
        if (worker := self._worker) is not None:
            worker.call("renew")

    def end(self) -> None:
        """End the actor, if there is one, and what it runs."""
        worker, self._worker, self._place = self._worker, None, None
        if worker is not None:
            worker.end()

    def _actor(self, connection: Connection, folder: Path) -> tuple[Worker, Place]:
        """The actor and its place, once a node has room for it."""
        if self._worker is None or self._place is None:
            name = f"{connection.setup.session}-{self._number}-{secrets.token_hex(3)}"
            self._worker = connection.cluster.start(name, connection.shared, connection.needs)
            self._place = self._await_start(connection, self._worker, folder)
        return self._worker, self._place

    def _await_start(self, connection: Connection, worker: Worker, folder: Path) -> Place:
        connection.put(Entered(self._number, "queued", folder))
        ends = time.monotonic() + _PATIENCE_S
        starting, announced = worker.call("place"), False
        while not _ended(starting, _POLL_S):
            if connection.cancel.is_set():
                self.end()
                raise TrialAborted("interrupted while a trial waited for a node of the cluster")
            if not announced and time.monotonic() > ends:
                announced = True
                connection.put(Waits(f"waiting for a node of the cluster with {connection.needs} free"))
        place: Place = worker.result(starting)
        return place

    @staticmethod
    def _send(connection: Connection, worker: Worker, sha: str) -> None:
        """Send the commits that a trial reads, as far as its node lacks them."""
        pinned = connection.setup.config.check.pinned_to
        shas = (sha, pinned) if pinned else (sha,)
        received = worker.result(worker.call("received"))
        for parcel in connection.sender.parcels(shas, received, tuple(connection.sent)):
            worker.result(worker.call("receive", parcel))
        connection.sent.extend(each for each in shas if each not in connection.sent)

    def _order(self, connection: Connection, sha: str, cells: tuple[str, ...] | None, folder: Path) -> Order:
        profile = connection.setup.config.profile
        wheels = lineage(connection.sender.repository, sha, profile.build) if profile else None
        name = f"{connection.setup.session}-{folder.name}-{secrets.token_hex(3)}"
        return Order(name, sha, cells, self._number, wheels)

    def _follow(self, connection: Connection, worker: Worker, order: Order, folder: Path) -> Ran:
        """Start the trial, and show what it does until it ends."""
        running, sizes = worker.call("run", order), dict[str, int]()
        cancelled: float | None = None
        while not _ended(running, _POLL_S):
            if connection.cancel.is_set() and cancelled is None:
                cancelled = time.monotonic()
                worker.call("cancel")
            if cancelled is not None and time.monotonic() - cancelled > _CANCEL_S:
                self.end()
                raise TrialAborted("the trial was interrupted, and its actor does not answer")
            asked = worker.call("progress", dict(sizes))
            if _ended(asked, _ANSWER_S):
                self._show(connection, worker.result(asked), sizes, folder)
        ran: Ran = worker.result(running)
        return ran

    def _show(self, connection: Connection, progress: Progress, sizes: dict[str, int], folder: Path) -> None:
        for phase in progress.phases:
            connection.put(Entered(self._number, phase, folder))
        for sentence in progress.waits:
            connection.put(Waits(sentence))
        _append(progress.grown, folder)
        for name, piece in progress.grown.items():
            sizes[name] = sizes.get(name, 0) + len(piece)


def _ended(future: Future[Any], timeout_s: float) -> bool:
    """Whether a call has ended, or does so in this time."""
    return bool(wait([future], timeout_s).done)


def _append(grown: Mapping[str, bytes], folder: Path) -> None:
    for name, piece in grown.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(piece)
