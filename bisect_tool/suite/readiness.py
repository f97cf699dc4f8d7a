"""Poll the health endpoints of servers without blocking on a slow answer."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.suite.rank_server import RankServer

READY = "200"


class Readiness:
    """The last health answer of each server."""

    def __init__(self, servers: Sequence[RankServer], pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._answers = dict.fromkeys(servers, "no answer")
        self._questions: dict[RankServer, Future[str]] = {}

    def ready(self) -> bool:
        """Collect answers and poll servers that are not ready again; returns whether all are ready."""
        for server, question in list(self._questions.items()):
            if question.done():
                self._answers[server] = question.result()
                del self._questions[server]
        for server, answer in self._answers.items():
            if answer != READY and server not in self._questions:
                self._questions[server] = self._pool.submit(server.health)
        return all(answer == READY for answer in self._answers.values())

    def missing(self) -> str:
        """Describe the servers that are not ready, with their last answers."""
        waited_for = {server.rank: answer for server, answer in self._answers.items() if answer != READY}
        return ", ".join(f"rank {rank}: {answer}" for rank, answer in waited_for.items())


@contextmanager
def readiness(servers: Sequence[RankServer]) -> Iterator[Readiness]:
    """Yield a Readiness; requests in flight at exit are not awaited."""
    pool = ThreadPoolExecutor(max_workers=len(servers), thread_name_prefix="health")
    try:
        yield Readiness(servers, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
