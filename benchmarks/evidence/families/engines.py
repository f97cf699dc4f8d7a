"""Failures of serving engines: a worker, its engine core, the server; the ranks of a scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

from benchmarks.evidence.families.maker import Maker, Process

_STEP = '"POST /v1/completions HTTP/1.1"'
_SEE_ABOVE = "please check the stack trace above for the root cause"
_DEAD = (
    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. "
    "See stack trace (above) for the root cause."
)
_NOT_STARTED = (
    "Exception: WorkerProc initialization failed due to an exception in a background process. "
    "See stack trace for root cause."
)
_PEER_CLOSED = (
    "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] "
    "Connection closed by peer [10.22.1.78]:9355"
)


def _logged(maker: Maker, process: str, at: float, head: str, lines: Sequence[str]) -> list[str]:
    """A record of vLLM's logger, which repeats its head; `head` is `LEVEL PLACE`."""
    level, place = head.split()
    stamp = maker.clock(at, "%m-%d %H:%M:%S")[:14]
    return [f"{process} {level} {stamp} [{place}] {line}" for line in lines]


def vllm_start(maker: Maker) -> tuple[list[Process], str]:
    """A worker that cannot start, its engine core, and the server."""
    worker, other, core, server = (Process(name) for name in ("worker", "other", "core", "server"))
    pid, ranks = maker.pid, maker.chance.choice(("_TP1", "_DP1_TP0", ""))
    name = f"(Worker pid={pid + 2}) (Worker{ranks} pid={pid + 2})" if ranks else f"(Worker pid={pid + 2})"
    at = 9.0
    worker.print(1.0, *_logged(maker, name, 1.0, "INFO gpu_worker.py:1", ["Starting to load model"]))
    failed = ["WorkerProc failed to start.", *maker.raised(maker.cause, "vllm/v1/worker/gpu_worker.py")]
    worker.print(at, *_logged(maker, name, at, "ERROR multiproc_executor.py:852", failed))
    gone = f"(Worker pid={pid + 3})"
    at += maker.later(0.3)
    exited = ["Parent process exited, terminating worker queues"]
    other.print(at, *_logged(maker, gone, at, "INFO multiproc_executor.py:707", exited))
    pipe = maker.raised("BrokenPipeError: [Errno 32] Broken pipe", "vllm/queue.py")
    other.print(at, *(f"{gone} {line}" for line in pipe))
    at += maker.later()
    followed = ["EngineCore failed to start.", *maker.raised(_NOT_STARTED, "vllm/v1/engine/core.py")]
    own = f"(EngineCore_DP0 pid={pid + 1})"
    core.print(at, *_logged(maker, own, at, "ERROR core.py:946", followed))
    core.print(at + 0.1, *(f"{own} {line}" for line in ["Process EngineCore_DP0:", *followed[1:]]))
    at += maker.later()
    ended = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
    server.print(
        at, *(f"(APIServer pid={pid}) {line}" for line in maker.raised(ended, "vllm/v1/engine/utils.py"))
    )
    return [worker, other, core, server], maker.cause


def vllm_run(maker: Maker) -> tuple[list[Process], str]:
    """A worker that fails while serving, its engine core, and the requests of the server."""
    worker, core, server = Process("worker"), Process("core"), Process("server")
    pid = maker.pid
    name = maker.chance.choice(
        ("(VllmWorker TP0 pid=%d)", "(VllmWorker rank=1 pid=%d)", "(Worker_TP0 pid=%d)")
    )
    at = 30.0
    for second in range(1, 29, 3):
        server.print(
            second,
            f"(APIServer pid={pid}) INFO:     127.0.0.1:4{second:04} - {_STEP} 200 OK",
        )
    hit = [
        "WorkerProc hit an exception.",
        *maker.raised(maker.cause, "vllm/v1/executor/multiproc_executor.py"),
    ]
    worker.print(at, *_logged(maker, name % (pid + 2), at, "ERROR multiproc_executor.py:602", hit))
    at += maker.later()
    message = maker.cause.partition(": ")[2]
    raised = f"RuntimeError: Worker failed with error '{message}', {_SEE_ABOVE}"
    fatal = ["EngineCore encountered a fatal error.", *maker.raised(raised, "vllm/v1/engine/core.py")]
    core.print(at, *_logged(maker, f"(EngineCore_0 pid={pid + 1})", at, "ERROR core.py:700", fatal))
    at += maker.later()
    output = ["AsyncLLM output_handler failed.", *maker.raised(_DEAD, "vllm/v1/engine/async_llm.py")]
    server.print(at, *_logged(maker, f"(APIServer pid={pid})", at, "ERROR async_llm.py:430", output))
    server.print(
        at + 0.1,
        f"(APIServer pid={pid}) INFO:     127.0.0.1:41000 - {_STEP} 500 Internal Server Error",
    )
    return [worker, core, server], maker.cause


def vllm_killed(maker: Maker) -> tuple[list[Process], str]:
    """A worker that is killed: only the symptom is logged."""
    core, server = Process("core"), Process("server")
    at = 12.0
    own = f"(EngineCore_DP0 pid={maker.pid + 1})"
    died = "Worker proc VllmWorker-1 died unexpectedly, shutting down executor."
    core.print(at, *_logged(maker, own, at, "ERROR multiproc_executor.py:284", [died]))
    at += maker.later()
    fatal = [
        "EngineCore encountered a fatal error.",
        *maker.raised("RuntimeError: cancelled", "vllm/shm_broadcast.py"),
    ]
    core.print(at, *_logged(maker, own, at, "ERROR core.py:1101", fatal))
    at += maker.later()
    output = ["AsyncLLM output_handler failed.", *maker.raised(_DEAD, "vllm/v1/engine/async_llm.py")]
    server.print(at, *_logged(maker, f"(APIServer pid={maker.pid})", at, "ERROR async_llm.py:708", output))
    return [core, server], died


def sglang(maker: Maker) -> tuple[list[Process], str]:
    """One rank's scheduler fails, the others lose their connection to it."""
    processes, at = [], 20.0
    hurt = maker.chance.randrange(4)
    for rank in range(4):
        process = Process(f"rank{rank}")
        processes.append(process)
        when = at if rank == hurt else at + maker.later(0.3)
        head = f"[{maker.clock(when, '%Y-%m-%d %H:%M:%S')[:19]} TP{rank}]"
        early = f"[{maker.clock(rank, '%Y-%m-%d %H:%M:%S')[:19]} TP{rank}]"
        process.print(
            rank, f"{early} Prefill batch, #new-seq: 4, #new-token: 1024, #cached-token: 0, token usage: 0.02"
        )
        raised = maker.cause if rank == hurt else _PEER_CLOSED
        first, *rest = maker.raised(raised, "sglang/srt/managers/scheduler.py")
        process.print(when, f"{head} Scheduler hit an exception: {first}", *rest, "")
    launcher = Process("launcher")
    at += 3.0
    stamp = maker.clock(at, "%Y-%m-%d %H:%M:%S")[:19]
    launcher.print(
        at, f"[{stamp}] Received sigquit from a child process. It usually means the child failed.", "Killed"
    )
    return [*processes, launcher], maker.cause
