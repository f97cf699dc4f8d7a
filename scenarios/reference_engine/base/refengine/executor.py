"""The engine core's side of its workers: start them, feed them, end them."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection, Pipe
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from refengine import messages
from refengine.config import EngineConfig
from refengine.messages import Step, Tokens
from refengine.processes import SPAWN, start
from refengine.ring import Ring
from refengine.worker import run_worker

GRACE = 2.0  # seconds in which a worker that has loaded its model must notice the end
BYTES_PER_TOKEN = 5  # MessagePack's longest 32-bit integer
BYTES_PER_SEQUENCE = 80  # its name, and what MessagePack adds


class WorkerHandle(NamedTuple):
    process: BaseProcess
    pipe: Connection
    death: Connection


class Executor:
    """The workers of this rank: started, then ready, then fed step by step."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        limit = config.scheduler.max_num_seqs
        self._slot_bytes = limit * (BYTES_PER_SEQUENCE + BYTES_PER_TOKEN * config.model.max_model_len)
        self._ready = False
        self._rings: list[Ring] = []
        self._workers: list[WorkerHandle] = []

    def start(self) -> None:
        """Start the processes; `wait_for_ready` says when they can work."""
        for rank in range(self._config.parallel.tensor_parallel_size):
            pipe, worker_pipe = Pipe()
            worker_death, death = Pipe(duplex=False)
            process = SPAWN.Process(
                target=run_worker,
                args=(self._config, rank, worker_pipe, worker_death),
                name=f"VllmWorker-{rank}",
            )
            self._workers.append(WorkerHandle(process, pipe, death))
            start(process)
            worker_pipe.close()
            worker_death.close()

    def wait_for_ready(self) -> None:
        """Until every worker has its model. Raises RuntimeError where one ended instead."""
        for worker in self._workers:
            try:
                worker.pipe.recv()
            except EOFError:
                raise RuntimeError(
                    "WorkerProc initialization failed due to an exception in a background process. "
                    "See stack trace for root cause."
                ) from None
        self._rings = [Ring.create(self._slot_bytes) for _ in range(1 + len(self._workers))]
        self._steps, *self._answers = self._rings
        for worker, answers in zip(self._workers, self._answers, strict=True):
            worker.pipe.send((self._steps.name, answers.name, self._slot_bytes))
        self._ready = True

    def execute(self, step: Step) -> Tokens:
        """Run one step on all workers. Raises EOFError where one of them died."""
        self._steps.send(messages.encode(step), [worker.pipe for worker in self._workers])
        pairs = zip(self._answers, self._workers, strict=True)
        first, *_ = [answers.receive(worker.pipe) for answers, worker in pairs]
        return messages.decode_tokens(first)

    def _kill(self) -> None:
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def close_pipes(self) -> None:
        """What tells a worker that its parent is gone; the death pipe first, so that it knows why."""
        for worker in self._workers:
            worker.death.close()
            worker.pipe.close()

    def close(self) -> None:
        """End the workers: by force while they still load, by their pipes once they run."""
        if not self._ready:
            self._kill()
        self.close_pipes()
        deadline = time.monotonic() + GRACE
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.join(max(0.0, deadline - time.monotonic()))
        self._kill()
        for ring in self._rings:
            ring.remove()
        self._rings = []
