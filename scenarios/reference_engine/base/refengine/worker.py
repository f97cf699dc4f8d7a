"""A worker: one process per tensor-parallel rank, with the model on its device."""

from __future__ import annotations

import signal
import threading
from multiprocessing.connection import Connection

from refengine import messages
from refengine.config import EngineConfig
from refengine.logger import get_logger, name_process, prefix_output
from refengine.messages import Step, Tokens
from refengine.native import load_kernels
from refengine.ring import Ring

logger = get_logger(__name__)


class ModelRunner:
    """The sequences of this worker and their next tokens.

    The model is tiny, so every tensor-parallel rank holds the whole of it and rank 0 answers for all.
    """

    def __init__(self, config: EngineConfig) -> None:
        import torch

        from refengine.model import Sequence, Transformer

        torch.set_num_threads(1)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = Transformer(config.model, load_kernels(), device)
        self._sequences: dict[str, tuple[list[int], Sequence]] = {}
        self._model.forward([([0], self._model.begin())])
        logger.info("Model %s loaded on %s", config.model.model, device)

    def execute(self, step: Step) -> Tokens:
        """Forget what has ended, then one token for every sequence of the step."""
        for request_id in step.forget:
            self._sequences.pop(request_id, None)
        for request_id, prompt in step.begin.items():
            self._sequences[request_id] = (prompt, self._model.begin())
        names = [*step.begin, *step.proceed]
        if not names:
            return {}
        best = self._model.forward([self._sequences[name] for name in names]).argmax(dim=-1).tolist()
        for name, token in zip(names, best, strict=True):
            self._sequences[name] = ([token], self._sequences[name][1])
        return dict(zip(names, best, strict=True))


class WorkerProc:
    """The worker's end of the pipe: ready once the model is loaded, then an answer to every step."""

    def __init__(self, config: EngineConfig, pipe: Connection) -> None:
        self._runner = ModelRunner(config)
        self._pipe = pipe
        pipe.send("READY")
        steps, answers, slot_bytes = pipe.recv()
        self._steps, self._answers = Ring.attach(steps, slot_bytes), Ring.attach(answers, slot_bytes)

    def run(self) -> None:
        while True:
            step = messages.decode_step(self._steps.receive(self._pipe))
            self._answers.send(messages.encode(self._runner.execute(step)), [self._pipe])

    def close(self) -> None:
        self._steps.close()
        self._answers.close()


def watch_parent(death: Connection) -> threading.Thread:
    """Wait in a thread until the engine core's end of the death pipe is closed."""

    def wait() -> None:
        death.poll(None)
        logger.info("Parent process exited, terminating worker queues")

    thread = threading.Thread(target=wait, daemon=True, name="death-pipe")
    thread.start()
    return thread


def run_worker(config: EngineConfig, rank: int, pipe: Connection, death: Connection) -> None:
    """Entry point of the process. The engine core decides when it ends: signals are not for workers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    role = f"Worker_DP{config.parallel.data_parallel_rank}_TP{rank}"
    name_process(role)
    prefix_output("Worker")
    prefix_output(role)
    watcher = watch_parent(death)
    worker: WorkerProc | None = None
    try:
        worker = WorkerProc(config, pipe)
        worker.run()
    except (EOFError, BrokenPipeError):
        if worker is None:
            logger.exception("WorkerProc failed to start.")
            raise
        watcher.join()
    except Exception:
        logger.exception("WorkerProc failed to start." if worker is None else "WorkerProc hit an exception.")
        raise
    finally:
        if worker is not None:
            worker.close()
