"""Poll the health endpoints of servers without blocking on a slow answer."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.pytest_plugin.rank_server import RankServer

READY = "200"


class Readiness:
    """The last health answer of each server."""

    def __init__(self, servers: Sequence[RankServer], pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._answers = dict.fromkeys(servers, "no answer")
        self._pending: dict[RankServer, Future[str]] = {}

    def ready(self) -> bool:
        """Collect answers, and poll again the servers that are not ready; returns whether all are ready."""
        for server, future in list(self._pending.items()):
            if future.done():
                self._answers[server] = future.result()
                del self._pending[server]
        for server, answer in self._answers.items():
            if answer != READY and server not in self._pending:
                self._pending[server] = self._pool.submit(server.health)
        return all(answer == READY for answer in self._answers.values())

    def missing(self) -> str:
        """Describe the servers that are not ready, with their last answers."""
        not_ready = {server.rank: answer for server, answer in self._answers.items() if answer != READY}
        return ", ".join(f"rank {rank}: {answer}" for rank, answer in not_ready.items())


@contextmanager
def readiness(servers: Sequence[RankServer]) -> Iterator[Readiness]:
    """Yield a Readiness; on exit, requests in flight are abandoned."""
    pool = ThreadPoolExecutor(max_workers=len(servers), thread_name_prefix="health")
    try:
        yield Readiness(servers, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
