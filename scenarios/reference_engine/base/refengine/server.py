"""An API server: uvicorn on a listening socket that several of them may share."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess

import uvicorn

from refengine.addresses import Addresses
from refengine.api import Api
from refengine.client import EngineClient
from refengine.config import EngineConfig
from refengine.logger import get_logger

logger = get_logger(__name__)

POLL = 0.1  # seconds between two looks at the engine core


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: `serve_http` has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(
    config: EngineConfig, addresses: Addresses, listening: socket.socket, engines: Sequence[BaseProcess]
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the engine core.

    Raises RuntimeError when the engine core failed.
    """
    rank, dp_rank = config.parallel.api_process_rank, config.parallel.data_parallel_rank
    failed = False
    client = EngineClient(addresses, rank)
    server = Server(uvicorn.Config(Api(config, client).application(), lifespan="off", ws="none"))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)

    async def end_server() -> None:
        await stopping.wait()
        client.end_requests()
        server.should_exit = True

    async def watch_engine() -> None:
        nonlocal failed
        while not client.dead and all(process.is_alive() for process in engines):
            await asyncio.sleep(POLL)
        failed = not stopping.is_set() and (client.dead or any(process.exitcode for process in engines))
        if failed:
            logger.error("Engine core proc EngineCore_DP%d died unexpectedly, shutting down client.", dp_rank)
        stopping.set()

    tasks = [asyncio.create_task(end_server()), asyncio.create_task(watch_engine())]
    ready = asyncio.create_task(client.wait_for_ready())
    try:
        await asyncio.wait([ready, tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            logger.info("Starting refengine server %d on http://%s:%d", rank, config.host, config.port)
            await server.serve(sockets=[listening])
        if failed:
            raise RuntimeError(f"Engine core EngineCore_DP{dp_rank} failed. See root cause above.")
    finally:
        for task in (*tasks, ready):
            task.cancel()
        client.close()
