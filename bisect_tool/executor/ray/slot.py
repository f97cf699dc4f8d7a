"""One slot of a Ray cluster: the actors of its trials, and its running trial."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from bisect_tool.build import lineage
from bisect_tool.errors import BisectError
from bisect_tool.executor.event import Entered, Waits
from bisect_tool.executor.ray.archive import unpack
from bisect_tool.executor.ray.calls import follow
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.executor.ray.further_nodes import FurtherNodes
from bisect_tool.executor.ray.messages import Order, Ran
from bisect_tool.git.plumbing import NETWORK_S
from bisect_tool.trial.result import TrialResult
from bisect_tool.trial.run import TrialAborted, lost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bisect_tool.executor.ray.calls import Connection
    from bisect_tool.executor.ray.cluster import Worker
    from bisect_tool.executor.ray.messages import Place

_PATIENCE_S = 20.0
_QUEUE_S = 24 * 3600.0
"""The longest wait for a node."""


class Slot:
    """Runs the trials of one slot in its actors, one on each node of a trial; lost ones are replaced."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._workers: tuple[Worker, ...] = ()
        self._places: tuple[Place, ...] = ()

    def run(
        self, connection: Connection, sha: str, cells: tuple[str, ...] | None, folder: Path
    ) -> TrialResult:
        """Run one trial to its end; if an actor is lost, so is the trial.

        Raises:
            TrialAborted: it was cancelled.
            EnvironmentFailed: no actor can be created, or a commit cannot be packed.
            BisectError: the trial raised it on the node; it ends the session.
        """
        try:
            self._start(connection, folder)
            for worker in self._workers:
                _send(connection, worker, sha)
            first, others = self._ran(connection, self._order(connection, sha, cells, folder), folder)
        except WorkerLost as error:
            where, lost_place = ", ".join(map(str, self._places)), self._place_of(error.worker)
            self.end()
            why = f"{lost_place or where or 'an actor of Ray'} was lost: {error}"
            return lost(sha, folder, self._number, why).model_copy(update={"where": where})
        except TrialAborted:
            self.end()
            raise
        unpack(first.folder, folder)
        return self._joined(_result(first), [_result(other) if other else None for other in others], folder)

    def renew(self) -> None:
        """Renew the leases of the actors."""
        for worker in self._workers:
            with suppress(WorkerLost):  # which its trial finds as well
                worker.call("renew")

    def end(self) -> None:
        """End the actors, if any, and their trial."""
        workers, self._workers, self._places = self._workers, (), ()
        for worker in workers:
            worker.end()

    def _place_of(self, worker: object) -> Place | None:
        """Return the node of an actor, if both are known."""
        found = (place for own, place in zip(self._workers, self._places, strict=False) if own is worker)
        return next(found, None)

    def _start(self, connection: Connection, folder: Path) -> None:
        """Start the actors if they do not run, waiting until nodes have room for them."""
        if not self._places:
            name = f"{connection.setup.session}-{self._number}-{secrets.token_hex(3)}"
            self._workers = connection.cluster.start(name, connection.shared, connection.needs)
            connection.put(Entered(self._number, "queued", folder))
            self._places = _places(connection, self._workers)

    def _order(self, connection: Connection, sha: str, cells: tuple[str, ...] | None, folder: Path) -> Order:
        profile = connection.setup.config.profile
        wheels = lineage(connection.sender.repository, sha, profile.build) if profile else None
        name = f"{connection.setup.session}-{folder.name}-{secrets.token_hex(3)}"
        return Order(name, sha, cells, self._number, wheels)

    def _ran(self, connection: Connection, order: Order, folder: Path) -> tuple[Ran, tuple[Ran | None, ...]]:
        """Run a trial; returns what the first node returned, and what the others did."""
        first, *others = self._workers
        if not others:
            return follow(connection, first, order, folder), ()
        further = FurtherNodes(connection, order, others, self._places)
        connection.put(Entered(self._number, "build", folder))
        try:
            started = further.await_start()
            if isinstance(started, Ran):
                return started, ()
            return follow(connection, first, started, folder, further.check), further.end()
        except BisectError:  # of the first node, such as an interrupt: no suite ends the others
            further.stop()
            raise

    def _joined(self, first: TrialResult, others: Sequence[TrialResult | None], folder: Path) -> TrialResult:
        """Return the result of the first node, with the GPUs of the others and what was left behind there."""
        left = (leftover for result in others if result for leftover in result.leftovers)
        gpus = [result.where if result else "" for result in (first, *others)]
        whole = len(gpus) == len(self._places)  # else the result may be that of another node
        named = zip_longest(map(str, self._places), gpus if whole else (), fillvalue="")
        where = ", ".join(filter(None, chain.from_iterable(named)))
        update = {"folder": str(folder), "where": where, "leftovers": (*first.leftovers, *left)}
        return first.model_copy(update=update)


def _result(ran: Ran) -> TrialResult:
    return TrialResult.model_validate_json(ran.result)


def _places(connection: Connection, workers: Sequence[Worker]) -> tuple[Place, ...]:
    """Return the nodes of actors, once they have room for them; says once that the trial waits."""
    started = [worker.call("place") for worker in workers]
    doing, needs = "a trial was waiting for a node of the cluster", connection.needs
    patient_until = time.monotonic() + _PATIENCE_S
    if not all(connection.ends(each, patient_until - time.monotonic(), doing) for each in started):
        nodes = "a node" if needs.nodes == 1 else f"{needs.nodes} nodes"
        connection.put(Waits(f"waiting for {nodes} of the cluster with {needs} free"))
    pairs = zip(workers, started, strict=True)
    return tuple(connection.answer(worker, starting, _QUEUE_S, doing) for worker, starting in pairs)


def _send(connection: Connection, worker: Worker, sha: str) -> None:
    """Send the commits of a trial that a node does not have."""
    pinned, doing = connection.setup.config.check.pinned_to, "commits were being sent to a node"
    shas, lease_s = (sha, pinned) if pinned else (sha,), connection.setup.lease_s
    received = connection.answer(worker, worker.call("received"), lease_s, doing)
    for parcel in connection.sender.parcels(shas, received, tuple(connection.sent)):
        receiving = worker.call("receive", parcel)
        connection.answer(worker, receiving, NETWORK_S + lease_s, doing)
    connection.sent.extend(each for each in shas if each not in connection.sent)
