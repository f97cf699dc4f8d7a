"""Failures that are made up: some processes, a root, what follows from it, healthy lines, prefixes, clocks.

Each family prints what the processes of one program print when they fail (engines' and launchers' forms). The
processes' lines are merged by time, as one stream or as a log each; a collector may put its prefix before
them; clocks have a resolution, and those of different hosts differ.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.evidence.wrappers import WRAPPERS
from bisect_tool.evidence import LogLine, explain_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bisect_tool.evidence import Failure

_START = datetime(2026, 3, 6, 7, 2, 12, tzinfo=UTC)
_PACKAGES = "/opt/env/lib/python3.12/site-packages"
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
_PEER_EXITED = (
    "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:2251, "
    "remote process exited or there was a network error"
)
_CHILD_FAILED = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "
_WATCHDOG = (
    "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4404, OpType=ALLREDUCE, "
    "Timeout(ms)=600000) ran for 600020 milliseconds before timing out."
)
_TERMINATED = "Process group watchdog thread terminated with exception:"
_ELASTIC = "torch/distributed/elastic/multiprocessing/api.py"
_SKEW_S = 0.2
"""How far the clocks of two hosts are apart at most: what follows comes later than that."""
_CAUSES = (
    "ValueError: Free memory on device cuda:0 (1.1/79.2 GiB) on startup is less than desired",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.",
    "RuntimeError: CUDA error: an illegal memory access was encountered",
    "AssertionError: Unsupported number of EP ranks: 1",
    "KeyError: 'model.layers.7.mlp.gate_up_proj.weight'",
    "OSError: [Errno 28] No space left on device",
    "FileNotFoundError: [Errno 2] No such file or directory: '/models/config.json'",
    "ModuleNotFoundError: No module named 'flash_attn'",
    "AssertionError",
    "TypeError: forward() got an unexpected keyword argument 'positions'",
    "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://hub/m",
    "torch.distributed.DistNetworkError: The server socket has failed to listen. EADDRINUSE",
    "triton.compiler.errors.CompilationError: at 7:24: unsupported type",
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
)


@dataclass(frozen=True)
class Generated:
    """A failure that was made up: its lines, and text that the headline of its root has."""

    name: str
    lines: tuple[LogLine, ...]
    root: str

    def failure(self) -> Failure | None:
        """What is found in it."""
        found = explain_log(self.lines)
        return found[0].failure if found else None

    def is_found(self) -> bool:
        """Whether the root that is found is the one that was made up."""
        failure = self.failure()
        return failure is not None and self.root in failure.root.headline


@dataclass
class _Process:
    """One process, and what it prints: when, and the lines that come together."""

    name: str
    source: str = "log"
    prints: list[tuple[float, list[str]]] = field(default_factory=list)

    def say(self, at: float, *lines: str) -> None:
        """Print lines at once."""
        self.prints.append((at, list(lines)))


class _Maker:
    """Draws what differs between two failures of a family."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.cause = chance.choice(_CAUSES)
        self.pid = chance.randrange(1000, 60000)
        self.fraction = chance.choice((0, 3, 6))

    def clock(self, at: float, form: str) -> str:
        """The time `at` seconds after the start, to the resolution of this failure's clocks."""
        moment = _START + timedelta(seconds=at)
        fraction = f"{moment.microsecond:06}"[: self.fraction]
        return moment.strftime(form) + (f".{fraction}" if fraction else "")

    def later(self, least: float = 1.1) -> float:
        """Seconds between a cause and what follows: no less than clocks can tell apart."""
        return least + self.chance.random()

    def stack(self, *places: str) -> list[str]:
        """The stack of a traceback, in files of an engine."""
        depth = self.chance.randrange(1, 4)
        files = [*places, *(f"vllm/layers/layer_{number}.py" for number in range(depth))]
        lines = ["Traceback (most recent call last):"]
        for file in files:
            lines += [
                f'  File "{_PACKAGES}/{file}", line {self.chance.randrange(999)}, in run',
                "    return self.forward(*args, **kwargs)",
                *(["           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"] if self.chance.random() < 0.5 else []),
            ]
        return lines

    def raised(self, raised: str, *places: str) -> list[str]:
        """A traceback."""
        return [*self.stack(*places), raised]


def _logged(maker: _Maker, process: str, at: float, head: str, lines: Sequence[str]) -> list[str]:
    """A record of vLLM's logger, which repeats its head; `head` is `LEVEL PLACE`."""
    level, place = head.split()
    stamp = maker.clock(at, "%m-%d %H:%M:%S")[:14]
    return [f"{process} {level} {stamp} [{place}] {line}" for line in lines]


def _vllm_start(maker: _Maker) -> tuple[list[_Process], str]:
    """A worker that cannot start, its engine core, and the server."""
    worker, other, core, server = (_Process(name) for name in ("worker", "other", "core", "server"))
    pid, ranks = maker.pid, maker.chance.choice(("_TP1", "_DP1_TP0", ""))
    name = f"(Worker pid={pid + 2}) (Worker{ranks} pid={pid + 2})" if ranks else f"(Worker pid={pid + 2})"
    at = 9.0
    worker.say(1.0, *_logged(maker, name, 1.0, "INFO gpu_worker.py:1", ["Starting to load model"]))
    failed = ["WorkerProc failed to start.", *maker.raised(maker.cause, "vllm/v1/worker/gpu_worker.py")]
    worker.say(at, *_logged(maker, name, at, "ERROR multiproc_executor.py:852", failed))
    gone = f"(Worker pid={pid + 3})"
    at += maker.later(0.3)
    said = ["Parent process exited, terminating worker queues"]
    other.say(at, *_logged(maker, gone, at, "INFO multiproc_executor.py:707", said))
    pipe = maker.raised("BrokenPipeError: [Errno 32] Broken pipe", "vllm/queue.py")
    other.say(at, *(f"{gone} {line}" for line in pipe))
    at += maker.later()
    followed = ["EngineCore failed to start.", *maker.raised(_NOT_STARTED, "vllm/v1/engine/core.py")]
    own = f"(EngineCore_DP0 pid={pid + 1})"
    core.say(at, *_logged(maker, own, at, "ERROR core.py:946", followed))
    core.say(at + 0.1, *(f"{own} {line}" for line in ["Process EngineCore_DP0:", *followed[1:]]))
    at += maker.later()
    ended = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
    server.say(
        at, *(f"(APIServer pid={pid}) {line}" for line in maker.raised(ended, "vllm/v1/engine/utils.py"))
    )
    return [worker, other, core, server], maker.cause


def _vllm_run(maker: _Maker) -> tuple[list[_Process], str]:
    """A worker that fails at work, its engine core, and the requests of the server."""
    worker, core, server = _Process("worker"), _Process("core"), _Process("server")
    pid = maker.pid
    name = maker.chance.choice(
        ("(VllmWorker TP0 pid=%d)", "(VllmWorker rank=1 pid=%d)", "(Worker_TP0 pid=%d)")
    )
    at = 30.0
    for second in range(1, 29, 3):
        server.say(
            second,
            f"(APIServer pid={pid}) INFO:     127.0.0.1:4{second:04} - {_STEP} 200 OK",
        )
    hit = [
        "WorkerProc hit an exception.",
        *maker.raised(maker.cause, "vllm/v1/executor/multiproc_executor.py"),
    ]
    worker.say(at, *_logged(maker, name % (pid + 2), at, "ERROR multiproc_executor.py:602", hit))
    at += maker.later()
    said = maker.cause.partition(": ")[2]
    raised = f"RuntimeError: Worker failed with error '{said}', {_SEE_ABOVE}"
    fatal = ["EngineCore encountered a fatal error.", *maker.raised(raised, "vllm/v1/engine/core.py")]
    core.say(at, *_logged(maker, f"(EngineCore_0 pid={pid + 1})", at, "ERROR core.py:700", fatal))
    at += maker.later()
    output = ["AsyncLLM output_handler failed.", *maker.raised(_DEAD, "vllm/v1/engine/async_llm.py")]
    server.say(at, *_logged(maker, f"(APIServer pid={pid})", at, "ERROR async_llm.py:430", output))
    server.say(
        at + 0.1,
        f"(APIServer pid={pid}) INFO:     127.0.0.1:41000 - {_STEP} 500 Internal Server Error",
    )
    return [worker, core, server], maker.cause


def _vllm_silent(maker: _Maker) -> tuple[list[_Process], str]:
    """A worker that vanishes: the first symptom is all there is."""
    core, server = _Process("core"), _Process("server")
    at = 12.0
    own = f"(EngineCore_DP0 pid={maker.pid + 1})"
    died = "Worker proc VllmWorker-1 died unexpectedly, shutting down executor."
    core.say(at, *_logged(maker, own, at, "ERROR multiproc_executor.py:284", [died]))
    at += maker.later()
    fatal = [
        "EngineCore encountered a fatal error.",
        *maker.raised("RuntimeError: cancelled", "vllm/shm_broadcast.py"),
    ]
    core.say(at, *_logged(maker, own, at, "ERROR core.py:1101", fatal))
    at += maker.later()
    output = ["AsyncLLM output_handler failed.", *maker.raised(_DEAD, "vllm/v1/engine/async_llm.py")]
    server.say(at, *_logged(maker, f"(APIServer pid={maker.pid})", at, "ERROR async_llm.py:708", output))
    return [core, server], died


def _sglang(maker: _Maker) -> tuple[list[_Process], str]:
    """One rank's scheduler fails, the others lose their connection to it."""
    processes, at = [], 20.0
    hurt = maker.chance.randrange(4)
    for rank in range(4):
        process = _Process(f"rank{rank}")
        processes.append(process)
        when = at if rank == hurt else at + maker.later(0.3)
        head = f"[{maker.clock(when, '%Y-%m-%d %H:%M:%S')[:19]} TP{rank}]"
        early = f"[{maker.clock(rank, '%Y-%m-%d %H:%M:%S')[:19]} TP{rank}]"
        process.say(
            rank, f"{early} Prefill batch, #new-seq: 4, #new-token: 1024, #cached-token: 0, token usage: 0.02"
        )
        raised = maker.cause if rank == hurt else _PEER_CLOSED
        first, *rest = maker.raised(raised, "sglang/srt/managers/scheduler.py")
        process.say(when, f"{head} Scheduler hit an exception: {first}", *rest, "")
    launcher = _Process("launcher")
    at += 3.0
    stamp = maker.clock(at, "%Y-%m-%d %H:%M:%S")[:19]
    launcher.say(
        at, f"[{stamp}] Received sigquit from a child process. It usually means the child failed.", "Killed"
    )
    return [*processes, launcher], maker.cause


def _torchrun(maker: _Maker) -> tuple[list[_Process], str]:
    """One rank raises, another loses it, and the launcher sums up."""
    processes, at = [], 15.0
    marked = maker.chance.random() < 0.5
    hurt = maker.chance.randrange(2)
    for rank in range(2):
        process = _Process(f"rank{rank}")
        processes.append(process)
        prefix = f"[rank{rank}]: " if marked else ""
        when = at if rank == hurt else at + maker.later()
        raised = maker.raised(maker.cause if rank == hurt else _PEER_EXITED, "train.py")
        process.say(when, *(f"{prefix}{line}" for line in raised))
    launcher = _Process("launcher")
    at += 4.0
    head = f"E{maker.clock(at, '%m%d %H:%M:%S')[:13]}.310000 {maker.pid} {_ELASTIC}:833]"
    binary = f"local_rank: {hurt} (pid: {maker.pid + hurt}) of binary: /opt/env/bin/python3.12"
    launcher.say(
        at,
        f"{head} failed (exitcode: 1) {binary}",
        *maker.raised(_CHILD_FAILED, "torch/distributed/run.py"),
        "=" * 60,
        "train.py FAILED",
        "-" * 60,
        "Failures:",
        "  <NO_OTHER_FAILURES>",
        "-" * 60,
        "Root Cause (first observed failure):",
        "[0]:",
        f"  rank      : {hurt} (local_rank: {hurt})",
        f"  exitcode  : 1 (pid: {maker.pid + hurt})",
        "=" * 60,
    )
    return [*processes, launcher], maker.cause


def _watchdog(maker: _Maker) -> tuple[list[_Process], str]:
    """A collective that never ends: the watchdog of a rank, the abort, the launcher."""
    process, launcher = _Process("rank1"), _Process("launcher")
    at = 40.0

    def glog(when: float, place: str, text: str) -> str:
        return f"[rank1]:[E{maker.clock(when, '%m%d %H:%M:%S')[:13]}.903881913 {place}] {text}"

    process.say(at, glog(at, "ProcessGroupNCCL.cpp:607", f"[Rank 1] {_WATCHDOG}"))
    process.say(
        at + 0.1,
        glog(
            at,
            "ProcessGroupNCCL.cpp:627",
            "[Rank 1] To avoid data inconsistency, we are taking the entire process down.",
        ),
    )
    process.say(
        at + 0.2,
        "terminate called after throwing an instance of 'c10::DistBackendError'",
        f"  what():  [PG ID 0 Rank 1] {_TERMINATED} [Rank 1] {_WATCHDOG}",
    )
    at += maker.later()
    head = f"E{maker.clock(at, '%m%d %H:%M:%S')[:13]}.021000 4001 {_ELASTIC}:869]"
    launcher.say(
        at, f"{head} failed (exitcode: -6) local_rank: 1 (pid: {maker.pid}) of binary: /opt/env/bin/python"
    )
    launcher.say(
        at + 0.1,
        *maker.raised(_CHILD_FAILED, "torch/distributed/run.py"),
    )
    return [process, launcher], "Watchdog caught collective operation timeout"


def _ray_crash(maker: _Maker) -> tuple[list[_Process], str]:
    """An actor that a signal ends, and the driver that waited for it."""
    actor, driver = _Process("actor"), _Process("driver")
    name, word = maker.chance.choice((("SIGBUS", "Bus error"), ("SIGSEGV", "Segmentation fault")))
    prefix = f"(RayWorker pid={maker.pid})"
    if maker.chance.random() < 0.5:
        prefix = f"\x1b[36m{prefix}\x1b[0m"
    actor.say(
        9.0,
        f"{prefix} *** {name} received at time=1692931519 on cpu 13 ***",
        f"{prefix} PC: @     0x7f60c5616291  (unknown)  __memset_avx2_erms",
        f"{prefix} Fatal Python error: {word}",
        f"{prefix} ",
    )
    raised = "ray.exceptions.RayActorError: The actor died unexpectedly before finishing this task."
    stack = maker.raised(raised, "ray/_private/worker.py")
    driver.say(12.0, *stack, "\tclass_name: RayWorker", f"\tpid: {maker.pid}", "\tip: 10.0.0.5")
    return [actor, driver], f"Fatal Python error: {word}"


def _killed(maker: _Maker) -> tuple[list[_Process], str]:
    """The kernel or Ray ends a process for want of memory."""
    system, driver = _Process("system"), _Process("driver")
    kernel = f"Out of memory: Killed process {maker.pid} (python3) total-vm:104857600kB, anon-rss:52428800kB"
    head = f"(raylet) [{maker.clock(8, '%Y-%m-%d %H:%M:%S')[:19]},117 E 7 7] (raylet) node_manager.cc:3069:"
    text, root = maker.chance.choice(
        (
            (f"[12345.678901] {kernel}", "Out of memory: Killed process"),
            (f"{head} 1 Workers (tasks / actors) killed due to memory pressure (OOM)", "memory pressure"),
        )
    )
    system.say(8.0, text)
    raised = maker.chance.choice(
        (
            "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.",
            "concurrent.futures.process.BrokenProcessPool: A process in the pool was terminated abruptly",
        )
    )
    driver.say(11.0, *maker.raised(raised, "proj/main.py"))
    return [system, driver], root


def _native(maker: _Maker) -> tuple[list[_Process], str]:
    """A library ends the process, and its parent says with what signal."""
    engine, parent = _Process("engine"), _Process("parent")
    crash = maker.chance.choice(
        (
            "free(): invalid pointer",
            "double free or corruption (!prev)",
            "/src/ggml/ggml.c:1234: GGML_ASSERT(ne00 == ne10) failed",
            "python: /src/lib.cpp:12: void f(): Assertion `n > 0' failed.",
            "thread 'main' panicked at src/main.rs:3:5: index out of bounds",
            "F0306 07:02:20.000000 77 engine.cc:12] Check failed: n == m (3 vs. 4)",
        )
    )
    engine.say(8.0, crash)
    parent.say(10.0, *maker.raised(f"RuntimeError: worker {maker.pid} died, exit code: -6", "proj/pool.py"))
    root = crash.partition("] ")[2] or crash
    return [engine, parent], root


def _loggers(maker: _Maker) -> tuple[list[_Process], str]:
    """An engine whose logger has a usual form, and a client that loses its connection."""
    engine, client = _Process("engine"), _Process("client")
    form = maker.chance.choice(sorted(_FORMS))
    write = _FORMS[form]
    for second in range(1, 6):
        engine.say(second, *write(maker, second, "INFO", f"step {second} of 5", []))
    engine.say(
        7.0, *write(maker, 7.0, "ERROR", "request failed", maker.raised(maker.cause, "proj/engine.py"))
    )
    lost = maker.raised("ConnectionRefusedError: [Errno 111] Connection refused", "proj/client.py")
    client.say(9.5, *write(maker, 9.5, "ERROR", "no answer", lost))
    return [engine, client], maker.cause


def _chained(maker: _Maker) -> tuple[list[_Process], str]:
    """An exception raised from another one, and what the parent says of its child."""
    child, parent = _Process("child"), _Process("parent")
    cause = maker.raised(maker.cause, "proj/load.py")
    effect = maker.raised("RuntimeError: the model could not be loaded", "proj/model.py")
    explicit = "The above exception was the direct cause of the following exception:"
    child.say(5.0, *cause, "", explicit, "", *effect)
    parent.say(
        7.0,
        *maker.raised(
            "subprocess.CalledProcessError: Command '['python', 'load.py']' returned non-zero exit status 1.",
            "proj/run.py",
        ),
    )
    return [child, parent], maker.cause


def _plain_form(maker: _Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]},123 - engine - {level} - {text}", *more]


def _named_form(maker: _Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]},123 {level} engine: {text}", *more]


def _bracket_form(maker: _Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"[{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]}] [{level}] [engine.py:12] {text}", *more]


def _loguru_form(maker: _Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]}.123 | {level:<8} | engine:run:12 - {text}", *more]


def _json_form(maker: _Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    record = {
        "timestamp": maker.clock(at, "%Y-%m-%dT%H:%M:%S") + "Z",
        "level": level.lower(),
        "message": text,
    }
    return [json.dumps(record | ({"exc_info": "\n".join(more)} if more else {}))]


_FORMS: Mapping[str, Callable[[_Maker, float, str, str, Sequence[str]], list[str]]] = {
    "plain": _plain_form,
    "named": _named_form,
    "brackets": _bracket_form,
    "loguru": _loguru_form,
    "json": _json_form,
}
_OTHERS = (
    "(EngineCore_DP7 pid=77) INFO 03-06 07:02:12 [loggers.py:257] Engine 007: Running: 3 reqs",
    "(Worker_DP7_TP0 pid=78) INFO 03-06 07:02:12 [gpu_worker.py:1] Available KV cache memory: 40.11 GiB",
    '(ApiServer_7 pid=79) INFO:     127.0.0.1:40644 - "POST /v1/completions HTTP/1.1" 200 OK',
)
"""What other processes print in the midst of a traceback: they name themselves."""
FAMILIES: Mapping[str, Callable[[_Maker], tuple[list[_Process], str]]] = {
    "vllm start": _vllm_start,
    "vllm run": _vllm_run,
    "vllm silent": _vllm_silent,
    "sglang": _sglang,
    "torchrun": _torchrun,
    "watchdog": _watchdog,
    "ray crash": _ray_crash,
    "killed": _killed,
    "native": _native,
    "loggers": _loggers,
    "chained": _chained,
}
_HEALTHY = (
    "INFO 03-06 07:02:12 [loggers.py:257] Engine 000: Avg prompt throughput: 12.5 tokens/s, Running: 3 reqs",
    'INFO:     127.0.0.1:40644 - "POST /v1/completions HTTP/1.1" 200 OK',
    "[Gloo] Rank 0 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1",
    "Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:01<00:00,  1.51it/s]",
    "WARNING 03-06 07:02:12 [system_utils.py:287] Found ulimit of 20000 and failed to automatically increase",
    "/env/lib/python3.12/site-packages/a/__init__.py:30: UserWarning: Setuptools is replacing distutils.",
    "node:3966:3966 [0] NCCL INFO Bootstrap : Using eth0:172.17.0.3<0>",
)


def generate(seed: int) -> Generated:
    """The failure of a number: families and prefixes take turns, the rest is drawn."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    family = list(FAMILIES)[seed % len(FAMILIES)]
    maker = _Maker(chance)
    processes, root = FAMILIES[family](maker)
    noise = _Process("noise")
    for _ in range(chance.randrange(12)):
        noise.say(chance.random() * 45, chance.choice(_HEALTHY))
    separate = chance.random() < 0.3
    if separate:
        return Generated(f"{seed} {family}, a log each", tuple(_apart([*processes, noise], chance)), root)
    wrapper = chance.choice(["", "", *WRAPPERS])
    lines = tuple(_merged([*processes, noise], wrapper, chance))
    return Generated(f"{seed} {family}, {wrapper or 'bare'}", lines, root)


def _merged(processes: Sequence[_Process], wrapper: str, chance: random.Random) -> Iterator[LogLine]:
    """One stream, by time; lines of others fall between those that a process prints together."""
    prints = sorted((at, order, lines) for order, each in enumerate(processes) for at, lines in each.prints)
    woven: list[str] = []
    density = chance.choice((0.0, 0.0, 0.1, 0.3))
    for _, _, lines in prints:
        for line in lines:
            woven.append(line)
            if chance.random() < density:
                woven.append(chance.choice(_OTHERS))
    text = "\n".join(woven)
    wrapped = WRAPPERS[wrapper](text) if wrapper and wrapper != "indented" else text
    for number, line in enumerate(wrapped.split("\n"), 1):
        yield LogLine("log", 0.0, line, number)


def _apart(processes: Sequence[_Process], chance: random.Random) -> Iterator[LogLine]:
    """A log for each process, in any order, seen as they were written; clocks differ a little."""
    seen: list[tuple[float, LogLine]] = []
    for process in processes:
        skew = (chance.random() - 0.5) * 2 * _SKEW_S
        number = 0
        for at, lines in process.prints:
            for line in lines:
                number += 1
                time = _START.timestamp() + at + skew + number / 1e6
                seen.append((time, LogLine(process.name, time, line, number)))
    return (line for _, line in sorted(seen, key=lambda each: each[0]))


def misses(numbers: range) -> list[tuple[Generated, str]]:
    """The failures whose root was not found, with what was found instead."""
    missed = []
    for number in numbers:
        made = generate(number)
        if not made.is_found():
            failure = made.failure()
            missed.append((made, failure.root.headline if failure else "no failure"))
    return missed
