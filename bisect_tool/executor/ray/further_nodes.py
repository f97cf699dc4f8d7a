"""The further nodes of a trial that spans several: each runs its ranks for the suite on the first node."""

from __future__ import annotations

import secrets
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bisect_tool.trial.config import RankNode
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from bisect_tool.executor.ray.calls import Connection
    from bisect_tool.executor.ray.cluster import Worker
    from bisect_tool.executor.ray.messages import Order, Place, Ran
    from bisect_tool.suite.launch import HostAddress

_MARGIN_S = 600.0
"""Time to send a commit's files to a node and to start, besides the build."""
_POLL_S = 0.5
_END_S = 30.0


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

        Raises:
            TrialAborted: the session is cancelled.
            WorkerLost: a node is lost or late.
        """
        hosts = []
        for worker, serving in self._serving:
            host = self._host(worker, serving)
            if host is None:
                ran: Ran = worker.result(serving)
                return ran
            hosts.append(host)
        return replace(self._order, node=RankNode(0, self._first.address, self._key, tuple(hosts)))

    def check(self) -> None:
        """Raise WorkerLost if a node is lost."""
        for worker, serving in self._serving:
            if serving.done():
                worker.result(serving)

    def end(self) -> tuple[Ran, ...]:
        """Return the results of the nodes, whose programs end with the suite; those without one are stopped.

        Raises:
            WorkerLost: a node is lost or late.
        """
        found = [self._ended(worker, serving) for worker, serving in self._serving]
        return tuple(ran for ran in found if ran is not None)

    def stop(self) -> None:
        """End the ranks of the nodes; what does not end in time ends with its actor."""
        for worker, _ in self._serving:
            worker.call("stop")
        wait([serving for _, serving in self._serving], _END_S)

    def _host(self, worker: Worker, serving: Future[Any]) -> HostAddress | None:
        """Return where the suite reaches the ranks of a node; None if it ended instead."""
        profile = self._connection.setup.config.profile
        limit_s = _MARGIN_S + (profile.build.timeout_s if profile else 0.0)
        doing, asked_s = "the ranks of a node were prepared", 0.0
        while asked_s < limit_s and not serving.done():
            asked = worker.call("listening")
            host: HostAddress | None = self._connection.answer(worker, asked, _END_S, doing)
            if host is not None:
                return host
            self._connection.ends(serving, _POLL_S, doing)
            asked_s += _POLL_S
        return None

    def _ended(self, worker: Worker, serving: Future[Any]) -> Ran | None:
        doing = "the ranks of a node were ended"
        if not self._connection.ends(serving, _END_S, doing):
            worker.call("stop")
        try:
            ran: Ran = self._connection.answer(worker, serving, _END_S, doing)
        except TrialAborted:
            if self._connection.cancel.is_set():
                raise
            return None
        return ran
