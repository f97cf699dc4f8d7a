"""Wait for calls of actors, and follow a trial to its end."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.executor.event import Entered, Waits
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from bisect_tool.executor.event import Event
    from bisect_tool.executor.ray.cluster import Cluster, Worker
    from bisect_tool.executor.ray.git_objects import Sender
    from bisect_tool.executor.ray.messages import Order, Progress, Ran, Setup
    from bisect_tool.executor.ray.needs import Needs

_POLL_S = 0.5
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

    def answer(self, worker: Worker, asked: Future[Any], within_s: float, doing: str) -> Any:  # noqa: ANN401
        """Return the result of a call.

        Raises:
            TrialAborted: the session is cancelled.
            WorkerLost: the result is late or lost.
        """
        if not self.ends(asked, within_s, doing):
            raise WorkerLost(f"it did not answer for {within_s:.0f} s while {doing}", worker)
        return worker.result(asked)

    def ends(self, asked: Future[Any], within_s: float, doing: str) -> bool:
        """Whether a call ends in this time; raises TrialAborted if the session is cancelled."""
        ends = time.monotonic() + within_s
        while not _ended(asked, _POLL_S):
            if self.cancel.is_set():
                raise TrialAborted(f"interrupted while {doing}")
            if time.monotonic() > ends:
                return False
        return True


def follow(
    connection: Connection,
    worker: Worker,
    order: Order,
    folder: Path,
    check: Callable[[], None] = lambda: None,
) -> Ran:
    """Start a trial, and report its progress until it ends.

    `check` is called all the while; it may raise WorkerLost.

    Raises:
        TrialAborted: the session is cancelled.
        WorkerLost: the actor, its node or the result is lost.
    """
    running, sizes = worker.call("run", order), dict[str, int]()
    asked, last_answer = worker.call("progress", {}), time.monotonic()
    while not _ended(running, _POLL_S):
        if connection.cancel.is_set():
            return _cancelled(worker, running)
        check()
        if asked.done():
            progress = worker.result(asked)
            _show(connection, order.slot, progress, sizes, folder)
            if progress.ended == order.name:
                break
            asked, last_answer = worker.call("progress", dict(sizes)), time.monotonic()
        elif time.monotonic() - last_answer > connection.setup.lease_s:
            raise WorkerLost(f"it did not answer for {connection.setup.lease_s:.0f} s", worker)
    # The logs of a node that died after its trial never come, and Ray does not report it to waiting callers.
    ran: Ran = connection.answer(worker, running, _RESULT_S, "the logs of a trial were being sent")
    return ran


def _cancelled(worker: Worker, running: Future[Any]) -> Ran:
    """Cancel the trial, which raises TrialAborted."""
    worker.call("cancel")
    if not _ended(running, _CANCEL_S):
        raise TrialAborted("the trial was interrupted, and its actor does not answer")
    ran: Ran = worker.result(running)
    return ran


def _show(connection: Connection, slot: int, progress: Progress, sizes: dict[str, int], folder: Path) -> None:
    for phase in progress.phases:
        connection.put(Entered(slot, phase, folder))
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
