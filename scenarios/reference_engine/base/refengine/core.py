"""The engine core: takes requests from API servers, steps the model, sends tokens back."""

from __future__ import annotations

from collections import defaultdict
from multiprocessing.connection import Connection

import zmq

from refengine import messages
from refengine.addresses import Addresses
from refengine.config import EngineConfig
from refengine.executor import Executor
from refengine.logger import get_logger, name_process, prefix_output
from refengine.messages import (
    AbortRequests,
    AddRequest,
    Announce,
    EngineDead,
    EngineReady,
    Output,
    Outputs,
    ToClient,
)
from refengine.processes import exit_on_signal, follow_parent, wake_up_on_signal
from refengine.scheduler import Scheduler

logger = get_logger(__name__)

LINGER = 200  # milliseconds in which last messages may still leave


class EngineCore:
    """The engine core of one rank."""

    def __init__(self, config: EngineConfig, addresses: Addresses, launcher: Connection) -> None:
        self._config, self._launcher = config, launcher
        self.ready = False
        self._executor = Executor(config)
        self._scheduler = Scheduler(config)
        self._context = zmq.Context()
        self._input = self._context.socket(zmq.PULL)
        self._input.bind(addresses.engine)
        self._poller = zmq.Poller()
        self._poller.register(self._input, zmq.POLLIN)
        self._poller.register(wake_up_on_signal(), zmq.POLLIN)
        self._clients = [
            self._connect(addresses.client(index)) for index in range(config.parallel.api_process_count)
        ]

    def start(self) -> None:
        """Start the workers, wait for them, then tell everybody who waits for this engine."""
        self._executor.start()
        self._launcher.send("HELLO")
        self._executor.wait_for_ready()
        self.ready = True
        self._launcher.send("READY")
        for index in range(len(self._clients)):
            self._send(index, EngineReady())
        if self._config.parallel.data_parallel_size > 1:
            coordinator = self._connect(self._config.parallel.coordinator_address)
            coordinator.send(messages.encode(Announce(self._config.parallel.data_parallel_rank)))
        logger.info("Engine core is ready (max_num_seqs=%d)", self._config.scheduler.max_num_seqs)

    def run(self) -> None:
        """Until a signal raises SystemExit."""
        while True:
            self._take_input()
            self._step()

    def _take_input(self) -> None:
        """All that has arrived; waits only where there is nothing else to do."""
        if self._scheduler.unfinished == 0:
            self._poller.poll()
        while self._input.poll(0):
            message = messages.decode_to_engine(self._input.recv())
            if isinstance(message, AddRequest):
                self._scheduler.add(message)
            elif isinstance(message, AbortRequests):
                self._scheduler.abort(message.request_ids)

    def _step(self) -> None:
        tokens = self._executor.execute(self._scheduler.schedule())
        by_client: dict[int, list[Output]] = defaultdict(list)
        for index, output in self._scheduler.update(tokens):
            by_client[index].append(output)
        for index, outputs in by_client.items():
            self._send(index, Outputs(outputs))

    def fail(self) -> None:
        """Tell the API servers that nothing more will come."""
        for index in range(len(self._clients)):
            self._send(index, EngineDead())

    def close(self) -> None:
        self._executor.close()
        self._context.destroy(linger=LINGER)

    def _connect(self, address: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.PUSH)
        socket.setsockopt(zmq.LINGER, LINGER)
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        socket.connect(address)
        return socket

    def _send(self, index: int, message: ToClient) -> None:
        self._clients[index].send(messages.encode(message))


def run_engine_core(config: EngineConfig, addresses: Addresses, launcher: Connection) -> None:
    """Entry point of the process."""
    role = f"EngineCore_DP{config.parallel.data_parallel_rank}"
    name_process(role)
    prefix_output(role)
    exit_on_signal()
    follow_parent()
    core = EngineCore(config, addresses, launcher)
    try:
        core.start()
        core.run()
    except SystemExit:
        logger.info("Shutting down.")
        raise
    except Exception:
        if not core.ready:
            logger.exception("EngineCore failed to start.")
        else:
            logger.exception("EngineCore encountered a fatal error.")
            core.fail()
        raise
    finally:
        core.close()
