"""An API server: uvicorn on a listening socket that several of them may share."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess

import uvicorn

from refengine.addresses import Addresses
from refengine.api import Api
from refengine.client import EngineClient
from refengine.config import EngineConfig
from refengine.logger import get_logger
from refengine.processes import SIGNALS

logger = get_logger(__name__)

POLL = 0.1  # seconds between two looks at the children


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: `serve_http` has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves until SIGTERM, SIGINT, or the end of the engine core or of a child of this process."""

    def __init__(self, config: EngineConfig, addresses: Addresses, children: Sequence[BaseProcess]) -> None:
        self._config, self._children = config, children
        self._engine = f"EngineCore_DP{config.parallel.data_parallel_rank}"
        self._client = EngineClient(addresses, config.parallel.api_process_rank)
        application = Api(config, self._client).application()
        self._http = Server(uvicorn.Config(application, lifespan="off", ws="none"))
        self._stopping = asyncio.Event()
        self._failed: list[str] = []

    async def run(self, listening: socket.socket) -> None:
        """Serve on a bound socket. Raises RuntimeError when a process that this one needs has failed."""
        loop = asyncio.get_running_loop()
        for signum in SIGNALS:
            loop.add_signal_handler(signum, self._stopping.set)
        tasks = [asyncio.create_task(step) for step in (self._end(), self._watch(), self._start())]
        *helpers, started = tasks
        try:
            await asyncio.wait([started, helpers[0]], return_when=asyncio.FIRST_COMPLETED)
            if not self._stopping.is_set():
                await self._http.serve(sockets=[listening])
            if self._failed:
                raise RuntimeError(f"{', '.join(self._failed)} failed. See root cause above.")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._client.close()

    async def _start(self) -> None:
        await self._client.wait_for_ready()
        rank, host, port = self._config.parallel.api_process_rank, self._config.host, self._config.port
        logger.info("Starting refengine server %d on http://%s:%d", rank, host, port)

    async def _end(self) -> None:
        await self._stopping.wait()
        self._client.end_requests()
        self._http.should_exit = True

    async def _watch(self) -> None:
        while not self._client.dead and all(process.is_alive() for process in self._children):
            await asyncio.sleep(POLL)
        if not self._stopping.is_set():
            self._failed = [process.name for process in self._children if process.exitcode]
            if self._client.dead and self._engine not in self._failed:
                self._failed.append(self._engine)
        for name in self._failed:
            kind = "Engine core proc" if name == self._engine else "Process"
            logger.error("%s %s died unexpectedly, shutting down client.", kind, name)
        self._stopping.set()


def run(
    config: EngineConfig, addresses: Addresses, listening: socket.socket, children: Sequence[BaseProcess]
) -> None:
    """Run an API server in this process; as `ApiServer.run`."""

    async def create_and_run() -> None:
        await ApiServer(config, addresses, children).run(listening)

    asyncio.run(create_and_run())
