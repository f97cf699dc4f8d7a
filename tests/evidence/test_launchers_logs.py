"""Roots in the logs of launchers and libraries other than the engines', one for each format."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import LogLine, explain_log

TIMED_OUT = "[Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4)"
ENDED = "Process group watchdog thread terminated with exception"
LOST = "torch.distributed.DistBackendError: NCCL error in: x.cpp:9, remote process exited"


def traceback(raised, file="proj/run.py"):
    place = f'  File "/opt/env/lib/python3.11/site-packages/{file}", line 12, in run'
    return ["Traceback (most recent call last):", place, "    return self.call()", raised]


def behind(prefix, lines):
    return [f"{prefix}{line}" for line in lines]


def interleaved(*streams):
    return [line for lines in zip(*streams, strict=True) for line in lines]


def root_of(lines):
    numbered = [LogLine("log", 0.0, text, number) for number, text in enumerate(lines, 1)]
    found = explain_log(numbered)
    return (found[0].failure.root.role, found[0].failure.root.headline) if found else ("", "")


@pytest.mark.parametrize(
    ("lines", "role", "root"),
    [
        (
            [
                "2024-03-06T17:53:31.052367Z ERROR shards: launcher: Shard complete standard error output:",
                " rank=0",
                "2024-03-06T17:53:31.052444Z ERROR shards: Shard was signaled to shutdown with signal 4",
                "Error: ShardCannotStart",
                "2024-03-06T17:53:31.149443Z ERROR launcher: Shard 0 failed to start",
            ],
            "Launcher",
            "signal 4",
        ),
        (
            [
                "node:39964:40049 [5] NCCL INFO Channel 20 : 5[5] -> 4[4] via SHM/direct/direct",
                "node:39964:40040 [0] transport.cc:154 NCCL WARN Cuda failure 'invalid argument'",
                "node:39965:40044 [1] misc/socket.cc:49 NCCL WARN socketProgress: Connection closed",
                *traceback(
                    "torch.distributed.DistBackendError: NCCL error in: x.cpp:9, unhandled cuda error"
                ),
            ],
            "Rank_0",
            "Cuda failure 'invalid argument'",
        ),
        (
            [
                *behind("Fri Aug 11 12:31:45 2023[1,2]<stderr>:", traceback("ValueError: bad shard")),
                *behind("Fri Aug 11 12:31:47 2023[1,0]<stderr>:", traceback(LOST)),
            ],
            "Rank_2",
            "ValueError: bad shard",
        ),
        (
            [
                *behind("[1,0]<stderr>: ", traceback(LOST)),
                *behind("[1,2]<stderr>: ", traceback("ValueError: x")),
            ],
            "Rank_2",
            "ValueError: x",
        ),
        (
            [*behind("[2] ", traceback("ValueError: x")), *behind("[0] ", traceback(LOST))],
            "Rank_2",
            "ValueError: x",
        ),
        (
            interleaved(
                behind("worker-1: ", traceback("OSError: full")), behind("worker-0: ", traceback(LOST))
            ),
            "Launcher",
            "OSError: full",
        ),
        (
            [
                *behind("(pid=40210) ", ["Fatal Python error: Segmentation fault", ""]),
                "(pid=40210) Stack (most recent call first):",
                '(pid=40210)   File "/opt/ray/worker.py", line 922 in main_loop',
                "(raylet) A worker died or was killed while executing a task by an unexpected system error.",
            ],
            "Launcher",
            "Fatal Python error: Segmentation fault",
        ),
        (
            [
                "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0. Some were OOM Killed.",
                "srun: error: node12: task 3: Out Of Memory",
                "srun: Terminating StepId=12.0",
            ],
            "Launcher",
            "oom_kill event",
        ),
        (
            ["load: cudaMalloc failed: out of memory", "CUDA error: out of memory", "Aborted (core dumped)"],
            "Launcher",
            "cudaMalloc failed",
        ),
        (["GGML_ASSERT: /src/ggml.c:5113: ne0 == n", "Aborted (core dumped)"], "Launcher", "GGML_ASSERT"),
        (
            [
                *traceback("torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:"),
                "CalledProcessError: Command '['/usr/bin/gcc']' returned non-zero exit status 1.",
            ],
            "Launcher",
            "/usr/bin/gcc",
        ),
        (
            [
                "2026-01-01 10:00:01,100 ERROR client: no engine",
                *traceback("requests.exceptions.ConnectionError: [Errno 111] Connection refused"),
                "2026-01-01 10:00:00,950 ERROR engine: cannot start",
                *traceback("ValueError: max_model_len is too large"),
            ],
            "Launcher",
            "max_model_len",
        ),
        (
            [
                "[12345.678901] NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.",
                *traceback("RuntimeError: CUDA error: unspecified launch failure"),
            ],
            "Launcher",
            "Xid",
        ),
        (
            [
                "[rank0]:[E310 10:02:26.903881913 ProcessGroupNCCL.cpp:1484] Heartbeat monitor timed out!",
                "[rank0]:[F310 10:12:26 x.cpp:1] Terminating the process after attempting to dump debug info",
                "Fatal Python error: Aborted",
            ],
            "Rank_0",
            "Heartbeat monitor timed out",
        ),
        (
            ["Memory access fault by GPU node-2 on address 0x7f.", *traceback("RuntimeError: worker died")],
            "Launcher",
            "Memory access fault",
        ),
        (
            [
                "ERROR 06-10 16:45:05 [multiproc_worker_utils.py:120] Worker A pid 3 died, exit code: -9",
                *traceback("RuntimeError: Engine loop has died"),
            ],
            "Launcher",
            "exit code: -9",
        ),
        (behind("10:27:45 ", ["starting", *traceback("RuntimeError: no licence")]), "Launcher", "no licence"),
        (
            [
                f"[rank7]:[E319 05:16:21.7 x.cpp:1] [Rank 7] {ENDED}: CUDA error: an illegal memory access",
                "Fatal Python error: Aborted",
            ],
            "Rank_7",
            "illegal memory access",
        ),
        (
            [
                f" 45%|###   | 450/1000 [10:21<12:40, 1.4s/it][rank3]:[E1128 21:12:44.1 x.cpp:6] {TIMED_OUT}",
                "[rank1]:[E1128 21:12:45.1 x.cpp:6] NCCL error: remote process exited",
            ],
            "Rank_3",
            "Watchdog caught",
        ),
        (
            behind(
                "10.20.0.5: ",
                [
                    f"no root rights{(lines := behind('[rank5]: ', traceback('RuntimeError: no ninja')))[0]}",
                    *lines[1:],
                    "[launch.py:322:sigkill_handler] ['python'] exits with return code = 1",
                ],
            ),
            "Rank_5",
            "RuntimeError: no ninja",
        ),
        (
            [
                *behind(
                    "2024-11-18T16:43:45,496 [INFO ] W-9000-m_1.0-stdout MODEL_LOG - ",
                    traceback("OSError: the model is gated"),
                ),
                "2024-11-18T16:43:45,601 [ERROR] W-9000-m_1.0 o.p.s.WorkerThread - Backend worker error",
                "org.pytorch.serve.wlm.WorkerInitializationException: Backend worker did not respond in time",
            ],
            "Launcher",
            "OSError: the model is gated",
        ),
        (
            [
                "0.13.127.894 W llama_context: the full capacity of the model will not be used",
                "0.13.300.101 E tensor 'blk.3' is missing",
                "0.13.300.300 E main: exiting due to model loading error",
            ],
            "Launcher",
            "tensor 'blk.3' is missing",
        ),
        (
            [
                "HW Exception by GPU node-1 (Agent handle: 0x58) reason :GPU Hang",
                "Fatal Python error: Aborted",
            ],
            "Launcher",
            "GPU Hang",
        ),
        (
            [
                ":0:rocdevice.cpp :3020: 41 us: Queue 0x7f aborting : HSA_STATUS_ERROR_OUT_OF_RESOURCES",
                "Worker proc W-3 died unexpectedly, shutting down executor.",
            ],
            "Launcher",
            "HSA_STATUS_ERROR_OUT_OF_RESOURCES",
        ),
        (
            [
                'docker: Error response from daemon: could not select device driver "" with [[gpu]].',
                "Error: The command exited with status 125",
            ],
            "Launcher",
            "could not select device driver",
        ),
    ],
)
def test_root_of_a_launchers_log(lines, role, root):
    found = root_of(lines)
    assert found[0] == role
    assert root in found[1]


def test_clocks_without_a_date_order_events():
    lines = [
        "10:27:48 BrokenPipeError: [Errno 32] Broken pipe",
        "10:27:45 KeyError: 1",
        "10:27:46 KeyError: 2",
    ]
    assert root_of(lines)[1] == "KeyError: 1"


GIVEN_UP = "ERROR 03-03 10:00:30 [core.py:50] ValueError: max_num_seqs is too large"


@pytest.mark.parametrize(
    ("before", "after", "root"),
    [
        ("WARNING 03-03 10:00:00 [a.py:2] could not import the kernel", [GIVEN_UP], "max_num_seqs"),
        ("INFO 03-03 10:00:00 [a.py:2] import failed, falling back", [GIVEN_UP], "max_num_seqs"),
        ("WARNING 03-03 10:00:00 [a.py:2] could not import the kernel", [], "No module named 'kernel'"),
        ("INFO 03-03 10:00:00 [a.py:2] loading the kernel", [GIVEN_UP], "No module named 'kernel'"),
        ("ERROR 03-03 10:00:00 [a.py:2] could not import the kernel", [GIVEN_UP], "No module named 'kernel'"),
    ],
)
def test_traceback_of_a_warning_is_a_root_only_without_an_error(before, after, root):
    raised = traceback("ModuleNotFoundError: No module named 'kernel'")
    assert root in root_of([before, *raised, "INFO 03-03 10:00:01 [a.py:9] started", *after])[1]
