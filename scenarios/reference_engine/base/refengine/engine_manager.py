"""The launcher's hold on the engine core."""

from __future__ import annotations

import weakref
from multiprocessing.connection import Pipe
from multiprocessing.process import BaseProcess

from refengine.addresses import Addresses
from refengine.config import EngineConfig
from refengine.core import run_engine_core
from refengine.processes import SPAWN, shutdown, start, terminate


class EngineManager:
    """Owns the process of the engine core.

    The engine core has children of its own, so it cannot be a daemon that multiprocessing ends for us: a
    manager that nobody holds any more takes its engine with it.
    """

    def __init__(self, config: EngineConfig, addresses: Addresses) -> None:
        self._rank = config.parallel.data_parallel_rank
        self._pipe, engine_pipe = Pipe()
        process = SPAWN.Process(
            target=run_engine_core, args=(config, addresses, engine_pipe), name=f"EngineCore_DP{self._rank}"
        )
        self.processes: list[BaseProcess] = [process]
        self._finalizer = weakref.finalize(self, terminate, self.processes)
        start(process)
        engine_pipe.close()

    def wait_for(self, state: str) -> None:
        """Until the engine core says HELLO (its workers are started) or READY (they have their model)."""
        try:
            received = self._pipe.recv()
        except EOFError:
            received = None
        if received != state:
            (process,) = self.processes
            process.join()
            failed = {process.name: process.exitcode}
            raise RuntimeError(
                f"Engine core initialization failed. See root cause above. Failed core proc(s): {failed}"
            )

    def close(self) -> None:
        self._finalizer.detach()
        shutdown(self.processes)
