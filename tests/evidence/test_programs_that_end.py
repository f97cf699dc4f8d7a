"""Lines in which programs, shells, schedulers and CI agents report why they ended."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import LogLine, explain_log, is_symptom


def _explained(*lines):
    return explain_log(LogLine("log", 0.0, line, number) for number, line in enumerate(lines, 1))


def _root(*lines):
    (found,) = _explained("starting", *lines)
    return found.failure.root


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("*** SIGABRT received by PID 41 (TID 42) on cpu 25 from PID 41; stack trace: ***", "Aborted"),
        ("RuntimeError: RESOURCE_EXHAUSTED: no memory", "*** SIGTERM received by PID 41 (TID 42) on cpu 5"),
        (
            "[n:7:0:7] ib_mlx5_log.c:139  Transport retry count exceeded on a:1/IB",
            "[n:7] Signal: Aborted (6)",
        ),
        ("| a | 1 | UNAVAILABLE: Internal: bad PTX. |", "error: creating server: Internal - failed to load"),
        ("#55 ERROR: write /usr/lib/a.so: no space left on device", "ERROR: failed to solve: rpc error"),
        (
            "    \u2502 ERROR: failed to build: write a: no space left on device",
            "Error: it failed with exit code 1",
        ),
        ("      /tmp/a/b.cpp:5:10: fatal error: c.h: No such file", "ERROR: Could not build wheels for a"),
        ("*** SIGSEGV (@0x18) received by PID 41 (TID 0x7f) from PID 24; stack trace: ***", "Killed"),
        ('Thread 1 "python" received signal SIGSEGV, Segmentation fault.', "Aborted (core dumped)"),
        ("Program terminated with signal SIGBUS, Bus error.", "Aborted (core dumped)"),
        ("SIGSEGV: segmentation violation", 'level=ERROR msg="runner ended" error="exit status 2"'),
        ("SIGILL: illegal instruction", 'level=ERROR msg="runner ended" error="exit status 2"'),
        (
            "Killed /system.slice/a.service due to memory pressure for /system.slice being 71% > 60%",
            "a.service: Main process exited, code=killed, status=9/KILL",
        ),
        ("Windows fatal exception: access violation", "Error: Process completed with exit code 139."),
        (
            "libc++abi: terminating due to uncaught exception of type std::runtime_error: no memory",
            "zsh: abort      python serve.py",
        ),
        (
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "Aborted (core dumped)",
        ),
        (
            "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-01T06:00:07 DUE TO TIME LIMIT ***",
            "lightning.pytorch.utilities.exceptions.SIGTERMException",
        ),
        ("ValueError: no such layer", "\u2502 \u2717 Server process terminated unexpectedly \u2502"),
        ("zsh: segmentation fault  python serve.py", "RuntimeError: Server exited unexpectedly"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "ninja: build stopped: failed"),
        ("/usr/bin/x86_64-linux-gnu-g++-12: error: unrecognized option '-mfoo'", "make: *** [a.o] Error 1"),
        ("collect2: fatal error: ld terminated with signal 9 [Killed]", "make: *** [a] Error 1"),
        ("nvcc error   : 'cicc' died due to signal 9 (Kill signal)", "ninja: build stopped: failed"),
        (
            "./server: error while loading shared libraries: libfoo.so.4: cannot open shared object file",
            "##[error]Process completed with exit code 127.",
        ),
        ("./train: symbol lookup error: /usr/lib/libfoo.so.2: undefined symbol: foo", "Killed"),
        ("dyld[41]: Library not loaded: @rpath/libfoo.dylib", "zsh: abort      ./server"),
        ("exec /usr/bin/python3: exec format error", "engine-1 exited with code 1"),
        ("exec /entrypoint.sh: no such file or directory", "engine-1 exited with code 1"),
        ("Cannot contact gpu-7: java.lang.InterruptedException", "ERROR: script returned exit code -1"),
        ("srun: error: Node failure on node-7", "srun: error: node-3: tasks 0-7: Terminated"),
        (
            "slurmstepd: error: *** JOB 8 ON node-3 CANCELLED AT 2025-05-02T11:00:11 DUE TO TIME LIMIT ***",
            "srun: error: node-3: task 0: Terminated",
        ),
        (
            "node-3:41:47 [0] init.cc:1 NCCL WARN Duplicate GPU detected : rank 0 and rank 1 both on 1000",
            "ncclInvalidUsage: This usually reflects invalid usage of NCCL library.",
        ),
        (
            "node-3:41:47 [0] boot.cc:1 NCCL WARN Bootstrap Root : rank 1 of 8 ranks has already checked in",
            "RuntimeError: NCCL error in: ProcessGroupNCCL.cpp:1191, internal error",
        ),
        (
            "(raylet) Some workers of the worker process(41) have not registered within the timeout.",
            "ray.exceptions.GetTimeoutError: Get timed out: some object(s) not ready.",
        ),
        (
            "llama_model_load: error loading model: unknown model architecture: 'foo'",
            "llama_model_load_from_file_impl: failed to load model",
        ),
        ("amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=1, emitted seq=2", "Killed"),
        (
            "ninja: error: '/opt/a.cu', needed by 'a.o', missing and no known rule to make it",
            "RuntimeError: Ninja build failed.",
        ),
        (
            '  Warning  Failed  2s  kubelet  Error: OCI runtime create failed: exec: "serve": not found',
            "  Warning  BackOff  2s  kubelet  Back-off restarting failed container a in pod a-0",
        ),
        (
            "*** An error occurred in MPI_Init_thread",
            "mpirun detected that one or more processes exited with",
        ),
        ("There are not enough slots available in the system to satisfy the 8", "make: *** [a] Error 1"),
        ("Error: INSTALLATION FAILED: timed out waiting", "##[error]Process completed with exit code 1."),
        ("Different tests were collected between gw0 and gw1. The difference is:", "--- gw0"),
    ],
)
def test_reported_reason_of_an_exit_is_the_root(line, last):
    root = _root(line, last)
    assert root.line == 2
    assert not is_symptom(root)


def test_handled_exception_of_windows_is_no_failure():
    assert not _explained("Windows fatal exception: code 0x8001010d", "5 passed")


@pytest.mark.parametrize("line", ['"OOMKilled": false,', "OOMKilled: false", '"OOMKilled":null'])
def test_container_that_was_not_killed_is_no_failure(line):
    assert not _explained(line)


def test_killed_container_is_the_root():
    assert "OOMKilled" in _root('            "OOMKilled": true,', "engine-1 exited with code 1").headline


def test_failed_process_of_a_group_is_the_root_of_its_parents_error():
    lines = [
        "Traceback (most recent call last):",
        '  File "/app/train.py", line 9, in <module>',
        "    mp.spawn(worker)",
        "torch.multiprocessing.spawn.ProcessRaisedException: ",
        "",
        "-- Process 1 terminated with the following error:",
        "Traceback (most recent call last):",
        '  File "/app/train.py", line 4, in worker',
        "    assert size % 2 == 0",
        "AssertionError: odd size",
    ]
    assert _root(*lines).headline == "AssertionError: odd size"


def _raised(*exceptions, explicit):
    how = (
        "The above exception was the direct cause of the following exception:"
        if explicit
        else "During handling of the above exception, another exception occurred:"
    )
    frames = ["Traceback (most recent call last):", '  File "/app/a.py", line 3, in get', "    wait()"]
    first, *others = [[*frames, exception] for exception in exceptions]
    return [*first, *(line for other in others for line in ("", how, "", *other))]


@pytest.mark.parametrize(
    ("exceptions", "explicit"),
    [
        (("asyncio.exceptions.CancelledError", "TimeoutError"), True),
        (("asyncio.exceptions.CancelledError", "asyncio.exceptions.TimeoutError"), False),
        (("anyio.WouldBlock", "anyio.EndOfStream", "KeyError: 'text'"), False),
        (("_queue.Empty", "RuntimeError: worker (pid 41) exited"), True),
        (("StopIteration", "ValueError: no batch is left"), False),
        (("TimeoutError", "TimeoutError: the call of 'sample' timed out"), True),
    ],
)
def test_exception_of_a_wait_is_not_the_root_of_its_report(exceptions, explicit):
    root = _root(*_raised(*exceptions, explicit=explicit))
    assert root.headline == exceptions[-1]
    assert not is_symptom(root)


def test_exception_during_a_cancellation_is_a_consequence():
    lines = _raised("asyncio.exceptions.CancelledError", "RuntimeError: loop is closed", explicit=False)
    assert is_symptom(_root(*lines))


def test_exception_of_a_wait_is_the_root_without_another():
    assert _root(*_raised("_queue.Empty", explicit=True)).headline == "_queue.Empty"


def test_glog_head_with_a_year_is_not_part_of_the_failure():
    (found,) = _explained("F20250312 10:11:12.123456  4242 cache.cc:99] Check failed: blocks > 0 (0 vs. 0) ")
    assert found.failure.root.headline.startswith("Check failed: blocks > 0")


@pytest.mark.parametrize(
    "exception",
    [
        "httpx.ConnectError: All connection attempts failed",
        "openai.APIConnectionError: Connection error.",
        "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected",
        "aiohttp.ClientConnectorError: Cannot connect [Connect call failed ('127.0.0.1', 8000)]",
        "http.client.RemoteDisconnected: Remote end closed connection without response",
        "httpx.RemoteProtocolError: Server disconnected without sending a response.",
    ],
)
def test_connection_error_of_a_client_is_a_symptom(exception):
    assert is_symptom(_root(*_raised(exception, explicit=True)))
    server = "ValueError: the server cannot start"
    assert _root(*_raised(exception, explicit=True), server).headline == server


def test_message_of_cmake_is_below_its_first_line():
    lines = [
        "CMake Error at /usr/share/FindFoo.cmake:230 (message):",
        "  Could NOT find foo (missing: FOO_LIBRARY)",
        "Call Stack (most recent call first):",
        "  CMakeLists.txt:12 (find_package)",
        "make: *** [Makefile:10: build] Error 1",
    ]
    root = _root(*lines)
    assert root.headline.endswith("(message): Could NOT find foo (missing: FOO_LIBRARY)")


def test_colours_whose_escape_character_is_written_as_a_number_are_removed():
    stamp = "2024-04-18T18:45:33.144-04:00   "
    lines = [f"{stamp}thread 'main' panicked at src/a.rs:5:14:", f"{stamp}no such id"]
    ends = f"{stamp}#033[31mERROR#033[0m #033[2mlauncher#033[0m: Webserver Crashed"
    root = _root(*lines, ends)
    assert "no such id" in root.headline
    assert _root(ends).stage == "died" or is_symptom(_root(ends))


def test_exit_of_a_worker_comes_before_the_notice_of_it():
    root = _root(
        "[01-05 10:00:08] Rank 0 scheduler is dead. Please check if there are relevant logs.",
        "[01-05 10:00:10] Exit code: -9",
        "EOFError",
    )
    assert root.headline == "Exit code: -9"


LOST = "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue."


@pytest.mark.parametrize(
    ("line", "raised", "symptom"),
    [
        ("ERROR:    Exception in ASGI application", LOST, True),
        ("ERROR:    Exception in ASGI application", "ValueError: no such layer", False),
        ("ERROR:    the request is too long", "", False),
        ("INFO:     Exception in ASGI application", LOST, True),
    ],
)
def test_heading_of_a_symptom_is_a_symptom(line, raised, symptom):
    below = _raised(raised, explicit=True) if raised else []
    root = _root(line, *below)
    assert is_symptom(root) is symptom


def test_sigterm_before_a_failure_is_not_its_cause():
    lines = [
        "*** SIGTERM received by PID 41 (TID 42) on cpu 5 from PID 7; stack trace: ***",
        "E0323 02:02:23.479201   89268 hook.cc:360] dumps are off",
        "2023-03-23 02:02:29.056856: E xla/util.cc:90] RESOURCE_EXHAUSTED: no memory",
    ]
    assert _root(*lines).headline.startswith("RESOURCE_EXHAUSTED")


def test_exit_without_a_cause_is_shown_with_preceding_lines():
    (found,) = _explained("too small: 1 of 2", "srun: error: node12: task 0: Exited with exit code 1")
    assert is_symptom(found.failure.root)
    assert found.failure.excerpt.splitlines()[:2] == ["Before it:", "    too small: 1 of 2"]


def test_failure_with_a_cause_is_shown_without_preceding_lines():
    (found,) = _explained("starting", "[kernel] Out of memory: Killed process 7 (python3)")
    assert "starting" not in found.failure.excerpt


@pytest.mark.parametrize(
    "line",
    ["\u2502 \u2717 Server process terminated unexpectedly   \u2502", "the worker has stopped unexpectedly"],
)
def test_unexpected_end_alone_is_a_symptom(line):
    assert is_symptom(_root(line))


def test_error_of_a_transport_of_open_mpi_is_the_root():
    root = _root(
        "[n1][[12712,1],0][btl_tcp_frag.c:227:mca_btl_tcp_frag_recv] readv error (0x7ffe, 8162144)",
        "[n1:19789] pml_ob1_sendreq.c:308 FATAL",
    )
    assert root.message.startswith("[n1][[12712,1],0][btl_tcp_frag.c")


@pytest.mark.parametrize("line", ["009 ({}) {} Job was aborted.", "012 ({}) {} Job was held."])
def test_end_of_a_job_in_the_log_of_htcondor_is_the_root(line):
    line = line.format("4377.000.000", "2023-02-02 07:41:11")
    assert _root(line, "...").message == line


def test_end_of_a_long_line_is_shown_if_it_matches():
    command = " ".join(f"--option-{number}" for number in range(60))
    root = _root(
        f"[2026-03-01 10:00:01,304] [ERROR] [launch.py:321:kill] [{command}] exits with return code = 1"
    )
    assert root.message == "\N{HORIZONTAL ELLIPSIS}exits with return code = 1"


def test_heading_of_unittest_is_no_root():
    root = _root(
        "Timeout: not all nodes are ready after 3600 seconds",
        "ERROR: test_throughput (__main__.ThroughputTest.test_throughput)",
        "-" * 70,
        "Traceback (most recent call last):",
        '  File "/app/test.py", line 7, in test_throughput',
        "    wait()",
        "RuntimeError: failed to wait for all nodes to be ready",
    )
    assert "nodes" in root.message


@pytest.mark.parametrize(
    "line",
    ["Extraction error: model 'a' not found", "Unexpected error: (no reason)"],
)
def test_plain_error_with_a_name_is_the_root_without_another(line):
    assert _root(line).message == line


@pytest.mark.parametrize(
    "line",
    ["Squared error: 0.13", "Another possible error: maybe", "Validation error: nan", "Test error: none"],
)
def test_measured_error_is_no_error(line):
    assert not _explained(line)
