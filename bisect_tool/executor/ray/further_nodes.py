"""The further nodes of a trial that spans several: each runs its ranks for the suite on the first node."""

from __future__ import annotations

import logging
import secrets
import time
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bisect_tool.build import BuildInterrupted
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.trial.config import RankNode
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from bisect_tool.executor.ray.calls import Connection
    from bisect_tool.executor.ray.cluster import Worker
    from bisect_tool.executor.ray.messages import Order, Place, Ran
    from bisect_tool.pytest_plugin.launch import HostAddress

_MARGIN_S = 600.0
"""Time to send a commit's files to a node and to start, besides the build."""
_BUILDS = 2
"""The build of another session may be waited for, and fail."""
_POLL_S = 0.5
_END_S = 30.0
_ENDING = "the ranks of a node were being ended"
_log = logging.getLogger("bisect_run.executor")


class FurtherNodes:
    """The actors of a trial on its nodes but the first."""

    def __init__(
        self, connection: Connection, order: Order, workers: Sequence[Worker], places: Sequence[Place]
    ) -> None:
        """Start the programs that run the ranks; `places` begin with the first node, `workers` do not."""
        self._connection = connection
        self._order = order
        self._key = secrets.token_hex(32)
        self._first, *others = places
        self._serving: list[tuple[Worker, Future[Any]]] = []
        for index, (worker, place) in enumerate(zip(workers, others, strict=True), 1):
            node = RankNode(index, place.address, self._key)
            part = replace(order, name=f"{order.name}-{index}", node=node)
            self._serving.append((worker, worker.call("serve", part)))

    def await_start(self) -> Order | Ran:
        """Return the order for the first node once the others are ready; or the result of one that ended.

        In the latter case, the others are stopped.

        Raises:
            TrialAborted: the session is cancelled.
            WorkerLost: a node is lost or late.
        """
        hosts = []
        ends = time.monotonic() + self._limit_s
        for worker, serving in self._serving:
            host = self._host(worker, serving, ends)
            if host is None:
                ran: Ran = worker.result(serving)
                self.end(0.0)
                return ran
            hosts.append(host)
        return replace(self._order, node=RankNode(0, self._first.address, self._key, tuple(hosts)))

    def check(self) -> None:
        """Raise WorkerLost if a node is lost; the suite finds by itself that its program has ended."""
        for worker, serving in self._serving:
            if serving.done():
                _ran(worker, serving)

    def end(self, within_s: float = _END_S) -> tuple[Ran | None, ...]:
        """Return the results of the nodes; None for one whose program does not end in time and is stopped.

        The programs end with the suite.

        Raises:
            TrialAborted: the session is cancelled.
            WorkerLost: a node is lost or late.
        """
        self._await_ends(within_s)
        for worker, serving in self._serving:
            if not serving.done():
                worker.call("stop")
        self._await_ends(_END_S)
        return tuple(_ran(worker, serving) for worker, serving in self._serving)

    def stop(self) -> None:
        """End the ranks of the nodes; what does not end in time ends with its actor."""
        for worker, _ in self._serving:
            worker.call("stop")
        wait([serving for _, serving in self._serving], _END_S)

    @property
    def _limit_s(self) -> float:
        profile = self._connection.setup.config.profile
        return _MARGIN_S + (_BUILDS * profile.build.timeout_s if profile else 0.0)

    def _host(self, worker: Worker, serving: Future[Any], ends: float) -> HostAddress | None:
        """Return where the suite reaches the ranks of a node; None if it ended instead."""
        doing = "the ranks of a node were being prepared"
        while not serving.done():
            asked = worker.call("listening")
            host: HostAddress | None = self._connection.answer(worker, asked, _END_S, doing)
            if host is not None:
                return host
            if time.monotonic() > ends:
                raise WorkerLost(f"it was not ready within {self._limit_s:.0f} s", worker)
            self._connection.ends(serving, _POLL_S, doing)
        return None

    def _await_ends(self, within_s: float) -> None:
        ends = time.monotonic() + within_s
        for _, serving in self._serving:
            self._connection.ends(serving, ends - time.monotonic(), _ENDING)


def _ran(worker: Worker, serving: Future[Any]) -> Ran | None:
    """Return the result of a node; None if it was stopped."""
    if not serving.done():
        raise WorkerLost(f"it did not answer for {_END_S:.0f} s while {_ENDING}", worker)
    try:
        ran: Ran = worker.result(serving)
    except (TrialAborted, BuildInterrupted) as error:
        _log.info("a node of a trial was stopped: %s", error.message)
        return None
    return ran
