"""The data-parallel coordinator: a process of rank 0 at which every rank announces itself, in any order."""

from __future__ import annotations

from multiprocessing.process import BaseProcess

import zmq

from refengine import messages
from refengine.config import EngineConfig
from refengine.logger import get_logger, name_process, prefix_output
from refengine.processes import SPAWN, exit_on_signal, follow_parent, shutdown, start, wake_up_on_signal

logger = get_logger(__name__)


class DPCoordinator:
    """Owns the coordinator's process."""

    def __init__(self, config: EngineConfig) -> None:
        process = SPAWN.Process(target=run_coordinator, args=(config,), name="DPCoordinator", daemon=True)
        start(process)
        logger.info("Started DP Coordinator process (PID: %d)", process.pid)
        self.processes: list[BaseProcess] = [process]

    @classmethod
    def for_rank(cls, config: EngineConfig) -> DPCoordinator | None:
        """The coordinator, where this rank is the one to have it."""
        parallel = config.parallel
        return cls(config) if parallel.data_parallel_size > 1 and parallel.data_parallel_rank == 0 else None

    def close(self) -> None:
        shutdown(self.processes)


def run_coordinator(config: EngineConfig) -> None:
    """Entry point of the process: count the ranks."""
    name_process("DPCoordinator")
    prefix_output("DPCoordinator")
    exit_on_signal()
    follow_parent()
    context = zmq.Context()
    try:
        socket = context.socket(zmq.PULL)
        socket.bind(config.parallel.coordinator_address)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(wake_up_on_signal(), zmq.POLLIN)
        ranks: set[int] = set()
        while True:
            poller.poll()
            ranks.add(messages.decode_announce(socket.recv()).rank)
            if len(ranks) == config.parallel.data_parallel_size:
                logger.info("All engine subscriptions received by DP coordinator")
    finally:
        context.destroy(linger=0)
