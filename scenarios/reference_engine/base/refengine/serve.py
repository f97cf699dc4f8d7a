"""The launcher of one rank: engine core, coordinator and API servers, their start and their end."""

from __future__ import annotations

import socket
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from refengine.addresses import Addresses, rank_addresses
from refengine.config import EngineConfig
from refengine.coordinator import DPCoordinator
from refengine.engine_manager import EngineManager
from refengine.logger import get_logger, name_process, prefix_output
from refengine.processes import SPAWN, follow_parent, shutdown, start, terminate

logger = get_logger(__name__)


def serve(config: EngineConfig) -> int:
    """Run one rank until SIGTERM; the exit status is 0, or 1 when one of its processes failed."""
    try:
        with bind(config) as listening, rank_addresses() as addresses:
            if config.parallel.api_process_count == 1:
                run_single_api_server(config.for_api_server(0), addresses, listening)
            else:
                run_multi_api_server(config, addresses, listening)
    except RuntimeError as error:
        logger.error("Server exited unexpectedly (rank %d): %s", config.parallel.data_parallel_rank, error)
        return 1
    return 0


def bind(config: EngineConfig) -> socket.socket:
    """The listening socket of the rank; bound first, so that a taken port is noticed at once."""
    listening = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((config.host, config.port))
    return listening


def run_single_api_server(config: EngineConfig, addresses: Addresses, listening: socket.socket) -> None:
    """This process is the API server; its imports pass the time in which the worker loads the model."""
    prefix_output("APIServer")
    engines = EngineManager(config, addresses)
    coordinator = DPCoordinator.for_rank(config)
    try:
        from refengine import server

        engines.wait_for("HELLO")
        engines.wait_for("READY")
        children = [*engines.processes, *(coordinator.processes if coordinator else [])]
        server.run(config, addresses, listening, children)
    finally:
        if coordinator is not None:
            coordinator.close()
        engines.close()


class ServerManager:
    """Owns the processes of the API servers."""

    def __init__(self, config: EngineConfig, addresses: Addresses, listening: socket.socket) -> None:
        self.processes: list[BaseProcess] = []
        for rank in range(config.parallel.api_process_count):
            process = SPAWN.Process(
                target=run_api_server,
                args=(config.for_api_server(rank), addresses, listening),
                name=f"ApiServer_{rank}",
                daemon=True,
            )
            start(process)
            self.processes.append(process)
        logger.info("Started %d API server processes", len(self.processes))

    def close(self) -> None:
        shutdown(self.processes)


def run_api_server(config: EngineConfig, addresses: Addresses, listening: socket.socket) -> None:
    """Entry point of one of several API servers."""
    from refengine import server

    rank = config.parallel.api_process_rank
    name_process(f"APIServer_{rank}")
    prefix_output(f"ApiServer_{rank}")
    follow_parent()
    server.run(config, addresses, listening, children=[])


def run_multi_api_server(config: EngineConfig, addresses: Addresses, listening: socket.socket) -> None:
    """API servers are started once the workers are on their way: the workers take longest."""
    engines = EngineManager(config, addresses)
    coordinator = DPCoordinator.for_rank(config)
    servers: ServerManager | None = None
    try:
        engines.wait_for("HELLO")
        servers = ServerManager(config, addresses, listening)
        engines.wait_for("READY")
        children = [*servers.processes, *engines.processes]
        wait_for_failure([*children, *(coordinator.processes if coordinator else [])])
    finally:
        logger.info("Terminating remaining processes ...")
        managers = [manager for manager in (servers, engines, coordinator) if manager is not None]
        for manager in managers:
            terminate(manager.processes)
        for manager in managers:
            manager.close()


def wait_for_failure(processes: list[BaseProcess]) -> None:
    """Until one of the processes ends. Raises RuntimeError unless it ended well."""
    ended = wait([process.sentinel for process in processes])
    for process in [process for process in processes if process.sentinel in ended]:
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(
                f"Process {process.name} (PID: {process.pid}) died with exit code {process.exitcode}"
            )
