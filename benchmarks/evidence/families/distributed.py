"""Failures of programs with ranks: one raises, hangs or crashes, and its launcher or driver summarises."""

from __future__ import annotations

from benchmarks.evidence.families.maker import Maker, Process

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


def torchrun(maker: Maker) -> tuple[list[Process], str]:
    """One rank raises, another loses its connection, and the launcher summarises."""
    processes, at = [], 15.0
    marked = maker.chance.random() < 0.5
    hurt = maker.chance.randrange(2)
    for rank in range(2):
        process = Process(f"rank{rank}")
        processes.append(process)
        prefix = f"[rank{rank}]: " if marked else ""
        when = at if rank == hurt else at + maker.later()
        raised = maker.raised(maker.cause if rank == hurt else _PEER_EXITED, "train.py")
        process.print(when, *(f"{prefix}{line}" for line in raised))
    launcher = Process("launcher")
    at += 4.0
    head = f"E{maker.clock(at, '%m%d %H:%M:%S')[:13]}.310000 {maker.pid} {_ELASTIC}:833]"
    binary = f"local_rank: {hurt} (pid: {maker.pid + hurt}) of binary: /opt/env/bin/python3.12"
    launcher.print(
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


def watchdog(maker: Maker) -> tuple[list[Process], str]:
    """A collective operation that hangs: the watchdog of a rank, the abort, the launcher."""
    process, launcher = Process("rank1"), Process("launcher")
    at = 40.0

    def glog(when: float, place: str, text: str) -> str:
        return f"[rank1]:[E{maker.clock(when, '%m%d %H:%M:%S')[:13]}.903881913 {place}] {text}"

    process.print(at, glog(at, "ProcessGroupNCCL.cpp:607", f"[Rank 1] {_WATCHDOG}"))
    process.print(
        at + 0.1,
        glog(
            at,
            "ProcessGroupNCCL.cpp:627",
            "[Rank 1] To avoid data inconsistency, we are taking the entire process down.",
        ),
    )
    process.print(
        at + 0.2,
        "terminate called after throwing an instance of 'c10::DistBackendError'",
        f"  what():  [PG ID 0 Rank 1] {_TERMINATED} [Rank 1] {_WATCHDOG}",
    )
    at += maker.later()
    head = f"E{maker.clock(at, '%m%d %H:%M:%S')[:13]}.021000 4001 {_ELASTIC}:869]"
    launcher.print(
        at, f"{head} failed (exitcode: -6) local_rank: 1 (pid: {maker.pid}) of binary: /opt/env/bin/python"
    )
    launcher.print(
        at + 0.1,
        *maker.raised(_CHILD_FAILED, "torch/distributed/run.py"),
    )
    return [process, launcher], "Watchdog caught collective operation timeout"


def ray_crash(maker: Maker) -> tuple[list[Process], str]:
    """An actor killed by a signal, and the driver that waited for it."""
    actor, driver = Process("actor"), Process("driver")
    name, word = maker.chance.choice((("SIGBUS", "Bus error"), ("SIGSEGV", "Segmentation fault")))
    prefix = f"(RayWorker pid={maker.pid})"
    if maker.chance.random() < 0.5:
        prefix = f"\x1b[36m{prefix}\x1b[0m"
    actor.print(
        9.0,
        f"{prefix} *** {name} received at time=1692931519 on cpu 13 ***",
        f"{prefix} PC: @     0x7f60c5616291  (unknown)  __memset_avx2_erms",
        f"{prefix} Fatal Python error: {word}",
        f"{prefix} ",
    )
    raised = "ray.exceptions.RayActorError: The actor died unexpectedly before finishing this task."
    stack = maker.raised(raised, "ray/_private/worker.py")
    driver.print(12.0, *stack, "\tclass_name: RayWorker", f"\tpid: {maker.pid}", "\tip: 10.0.0.5")
    return [actor, driver], f"Fatal Python error: {word}"
