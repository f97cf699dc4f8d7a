"""Log lines in the engine's format, written by hand: one stream per process."""

from __future__ import annotations

from bisect_tool.evidence import LogLine

FIVE = (
    "EngineCore_DP1: WorkerProc initialization failed due to an exception in a background process.",
    "Worker_DP0_TP0: Parent process exited, terminating worker queues",
    "Worker_DP0_TP0: BrokenPipeError: [Errno 32] Broken pipe",
    "Failed to start server rank 0: Server exited unexpectedly",
    "Exception: Servers failed to start",
)

HEALTHY = """\
INFO 11-23 09:45:10 [importing.py:68] Triton not installed or not compatible; certain functions will not be available.
W1123 09:45:11.081000 7008 torch/utils/cpp_extension.py:118] No CUDA runtime is found, using CUDA_HOME='/usr/local/cuda'
(APIServer pid=7008) INFO 11-23 09:45:14 [utils.py:292]        █     █     █▄   ▄█
(APIServer pid=7008) WARNING 11-23 09:45:14 [system_utils.py:287] Found ulimit of 20000 and failed to automatically \
increase with error current limit exceeds maximum limit. This can cause fd limit errors like `OSError: [Errno 24] \
Too many open files`. Consider increasing with ulimit -n
(APIServer pid=7008) INFO 11-23 09:45:14 [utils.py:865] Started DP Coordinator process (PID: 7343)
(APIServer pid=7008) INFO 11-23 09:45:14 [utils.py:410] Port 8000 is already in use, trying port 8001
(EngineCore_DP0 pid=7346) INFO 11-23 09:45:29 [core.py:101] Initializing a V1 LLM engine (v0.17.0) with config: \
enable_fault_tolerance=False, ignore_errors=False
WARNING 11-23 09:45:39 [multiproc_executor.py:802] Exception closing inherited connection: [Errno 9] Bad file descriptor
[Gloo] Rank 0 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1
(Worker pid=7527) (Worker_DP0 pid=7527) Loading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?, ?it/s]
(Worker pid=7527) (Worker_DP0 pid=7527)
(EngineCore_DP0 pid=7346) INFO 11-23 09:45:44 [core.py:282] init engine (profile, create kv cache) took 4.68 seconds
(APIServer pid=7008) INFO:     Application startup complete.
(APIServer pid=7008) INFO:     127.0.0.1:40644 - "POST /v1/completions HTTP/1.1" 200 OK
(APIServer pid=7008) /env/lib/python3.11/site-packages/_distutils_hack/__init__.py:30: UserWarning: Setuptools is \
replacing distutils. Support for replacing an already imported distutils is deprecated.
(APIServer pid=7008)   warnings.warn(
(Worker pid=7527) (Worker_DP0 pid=7527) WARNING 11-23 09:45:56 [multiproc_executor.py:858] WorkerProc was terminated
(Worker pid=7527) (Worker_DP0 pid=7527) INFO 11-23 09:45:56 [multiproc_executor.py:751] Parent process exited, \
terminating worker queues
(APIServer pid=7008) INFO 11-23 09:45:56 [launcher.py:120] Shutting down FastAPI HTTP server.
(APIServer pid=7008) INFO:     Shutting down
(ApiServer_3 pid=7110) INFO:     Finished server process [7110]
""".splitlines()  # noqa: E501

LEAK = """\
/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: There appear to \
be 1 leaked shared_memory objects to clean up at shutdown
  warnings.warn('resource_tracker: There appear to be %d '
""".splitlines()
DIED = """\
(APIServer pid=11325) ERROR 11-23 07:56:01 [core_client.py:694] Engine core proc EngineCore_DP1 died \
unexpectedly, shutting down client.
""".splitlines()

TREE = "/home/u/.cache/bisect-run/worktrees/3f/slot-0"


def traceback(*frames: tuple[str, int, str], raised: str) -> list[str]:
    """The lines of a traceback as Python prints it; `raised` is its last line."""
    lines = ["Traceback (most recent call last):"]
    for file, line, function in frames:
        lines += [
            f'  File "{file}", line {line}, in {function}',
            "    call(something)",
            "    ^^^^^^^^^^^^^^^",
        ]
    return [*lines, raised]


def prefixed(prefix: str, lines: list[str]) -> list[str]:
    """The lines as the process prints them, each with its prefix."""
    return [f"{prefix} {line}" for line in lines]


def logged(
    prefix: str, place: str, lines: list[str], level: str = "ERROR", at: str = "07:56:00"
) -> list[str]:
    """The lines of one record of the engine's logger, which repeats its head on each."""
    return [f"{prefix} {level} 11-23 {at} [{place}] {line}" for line in lines]


def worker_failure(raised: str, pid: int = 31) -> list[str]:
    """The output of a worker that cannot start."""
    where = (f"{TREE}/vllm/v1/executor/multiproc_executor.py", 772, "worker_main")
    cause = (f"{TREE}/vllm/v1/worker/gpu_worker.py", 255, "init_device")
    record = ["WorkerProc failed to start.", *traceback(where, cause, raised=raised)]
    return logged(f"(Worker pid={pid}) (Worker_DP1_TP0 pid={pid})", "multiproc_executor.py:772", record)


def engine_core_failure(pid: int = 21) -> list[str]:
    """The output of the engine core when its worker could not start: logged, then again when it dies."""
    raised = (
        "Exception: WorkerProc initialization failed due to an exception in a background process. "
        "See stack trace for root cause."
    )
    frames = (
        (f"{TREE}/vllm/v1/engine/core.py", 1090, "run_engine_core"),
        (
            f"{TREE}/vllm/v1/executor/multiproc_executor.py",
            653,
            "wait_for_ready",
        ),
    )
    prefix = f"(EngineCore_DP1 pid={pid})"
    texts = ["EngineCore failed to start.", *traceback(*frames, raised=raised)]
    died = ["Process EngineCore_DP1:", *traceback(*frames, raised=raised)]
    return [*logged(prefix, "core.py:1100", texts), *prefixed(prefix, died)]


def broken_pipe(pid: int = 32) -> list[str]:
    """The output of a worker of the other rank when its parent has ended."""
    prefix = f"(Worker pid={pid}) (Worker_DP0_TP0 pid={pid})"
    gone = logged(
        prefix,
        "multiproc_executor.py:751",
        ["Parent process exited, terminating worker queues"],
        level="INFO",
    )
    pipe = traceback(
        ("/usr/lib/python3.11/multiprocessing/connection.py", 384, "_send"),
        raised="BrokenPipeError: [Errno 32] Broken pipe",
    )
    return [*gone, *prefixed(prefix, pipe)]


def suite_end() -> list[str]:
    """The output of the engine's test utility."""
    raised = "Exception: Servers failed to start"
    return [
        "Failed to start server rank 0: Server exited unexpectedly",
        *traceback((f"{TREE}/tests/v1/distributed/test_external_lb_dp.py", 140, "__enter__"), raised=raised),
    ]


def as_lines(
    texts: list[str] | tuple[str, ...], source: str = "4-rank0", start: float = 100.0
) -> list[LogLine]:
    """Lines seen a millisecond apart, and so simultaneous in any order."""
    return [LogLine(source, start + index / 1000, text) for index, text in enumerate(texts)]
