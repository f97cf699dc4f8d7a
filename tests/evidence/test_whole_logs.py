"""Complete logs: noise around the failure, and several programs in one file."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import LogLine, explain_log, is_symptom
from bisect_tool.evidence.parsed_line import parse_line


def _explained(text):
    return explain_log(LogLine("log", 0.0, line, number) for number, line in enumerate(text.split("\n"), 1))


def _root(text):
    return _explained(text)[0].failure.root


def _chain(text):
    return [event.headline for event in _explained(text)[0].failure.chain]


def test_traceback_after_text_does_not_continue_a_finished_one():
    assert _chain("""\
[2026-03-01 10:00:01] Error in request: shape is wrong
Traceback (most recent call last):
  File "/app/serving.py", line 7, in handle
    return model(x)
RuntimeError: shape is wrong
[2026-03-01 10:00:01] Warm-up failed: Traceback (most recent call last):
  File "/app/server.py", line 3, in warm_up
    assert response.status_code == 200
AssertionError: status 500
""") == ["RuntimeError: shape is wrong", "AssertionError: status 500"]


def test_tag_of_a_writer_may_be_on_the_header_of_a_traceback_only():
    assert _chain("""\
(raylet) Traceback (most recent call last):
  File "/app/actors.py", line 7, in load
    raise RuntimeError("no actor")
RuntimeError: no actor
""") == ["RuntimeError: no actor"]


def test_actor_that_cannot_be_imported_is_a_consequence():
    assert (
        _root("""\
(raylet) Traceback (most recent call last):
  File "/app/actors.py", line 7, in load
    raise RuntimeError(
RuntimeError: The actor with name Trainer failed to import on the worker. A library may be missing:

Traceback (most recent call last):
  File "/app/trainer.py", line 1, in <module>
    import fast_kernels
ImportError: fast_kernels.so: undefined symbol: foo
""").headline
        == "ImportError: fast_kernels.so: undefined symbol: foo"
    )


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("##[error]no such artifact", "ERROR", "no such artifact"),
        ("##[warning]a cache is missing", "WARNING", "a cache is missing"),
        ("2026-03-01T10:00:01.1234567Z ##[error]no such artifact", "ERROR", "no such artifact"),
        ("[runner-hooks] FATAL: no such pod", "CRITICAL", "no such pod"),
        ("[2026-03-01 10:00:01] ERROR: no such file", "ERROR", "no such file"),
        ("##[group]Run make", "", "##[group]Run make"),
        ("[2026-03-01 10:00:01,948 C 74 74] (raylet) a.cc:170: it is gone", "CRITICAL", "it is gone"),
        ("(pid=gcs_server) [2026-03-01 10:00:01,948 E 74 74] a.cc:4: no actor", "ERROR", "no actor"),
        ("[taskcluster:error] Task aborted", "ERROR", "Task aborted"),
        ("[task 2026-03-01T10:00:01.123Z] 10:00:01    ERROR - no such symbol", "ERROR", "no such symbol"),
        ("[task 2026-03-01T10:00:01.123Z] 10:00:01  WARNING -  no cache", "WARNING", "no cache"),
        ("ERROR - is the first word of this line", "", "ERROR - is the first word of this line"),
        (
            "2026-03-01 10:00:01.54 error 33 pid[24] [a.cc:5] link is broken",
            "ERROR",
            "[a.cc:5] link is broken",
        ),
        ("error [a] is the first word of this line", "", "error [a] is the first word of this line"),
        ("node-7: [2026-03-01 10:00:01,304] [ERROR] [launch.py:321:kill] it ended", "ERROR", "it ended"),
        ("ERROR: test_a (module.Case)", "", "ERROR: test_a (module.Case)"),
        (
            "2026-03-01T10:00:01.5Z ERROR router::server: src/a.rs:7: no module",
            "ERROR",
            "src/a.rs:7: no module",
        ),
        ("2026-03-01T10:00:01.5Z ERROR tests/a.py::b - no", "", "ERROR tests/a.py::b - no"),
        ("[        ] version solving failed", "", "version solving failed"),
        ("[  +49 ms] version solving failed", "", "version solving failed"),
        ("[     3.105s]   - cart", "", "  - cart"),
    ],
)
def test_level_is_read_from_the_mark_of_a_line(line, level, text):
    parsed = parse_line(line)
    assert (parsed.level, parsed.text) == (level, text)


@pytest.mark.parametrize("letter", ["E", "C"])
def test_error_of_ray_with_any_text_is_read(letter):
    root = _root(f"[2026-03-01 10:00:01,948 {letter} 74 74] (raylet) a.cc:170: it is gone")
    assert (root.role, root.headline) == ("raylet", "it is gone")


def test_process_of_a_line_is_kept_if_another_head_follows_its_stamp():
    line = "(Actor pid=7) [2026-03-01 10:00:01] gpu-1:41:47 [0] init.cc:1 NCCL WARN Cuda failure 'no memory'"
    parsed = parse_line(line)
    assert (parsed.role, parsed.text) == ("Rank_0", "Cuda failure 'no memory'")
    line = "(Actor pid=7) [2026-03-01 10:00:01] ERROR no memory"
    assert (parse_line(line).role, parse_line(line).pid, parse_line(line).level) == ("Actor", 7, "ERROR")


def test_ci_service_s_error_is_the_root_and_not_the_exit_code_that_follows():
    root = _root("""\
2026-03-01T10:00:01.1Z ##[warning]Failed to save the cache
2026-03-01T10:00:02.1Z ##[error]Artifact not found for name: wheels
2026-03-01T10:00:03.1Z ##[error]Process completed with exit code 1.
""")
    assert root.headline == "Artifact not found for name: wheels"
    assert not is_symptom(root)


@pytest.mark.parametrize(
    ("line", "last"),
    [
        (
            "##[error]The action 'Test' has timed out after 360 minutes.",
            "##[error]The operation was canceled.",
        ),
        ("Command took >30min, returning 124", "RuntimeError: test_ops 4/10 failed!"),
        (
            "nn/test_pruning 1/1 failed! Received signal: SIGBUS",
            "##[error]Process completed with exit code 1.",
        ),
        (
            "##[error]Error: pod failed to come online with error: Pod a-0 is Pending",
            "##[error]TypeError: Cannot read properties of null",
        ),
        (
            "##[error]User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: s3:PutObject",
            "##[error]Process completed with exit code 1.",
        ),
        ("SyntaxError: invalid decimal literal", "RuntimeError: test_ops 3/4 failed!"),
        ("[taskcluster:error] Task aborted - max run time exceeded", "[taskcluster:error] exit status 1"),
        ("LLVM ERROR: Unsupported rounding mode", "RuntimeError: PassManager::run failed"),
        (
            "      CMake Error at /opt/a/LoadHIP.cmake:70 (message):",
            "ERROR: Failed to build one or more wheels",
        ),
        ("ValueError: no such layer", "Exception: retry() exceed maximum number of retries."),
    ],
)
def test_error_of_a_job_comes_before_that_of_its_runner(line, last):
    root = _root(f"starting\n{line}\n{last}")
    assert root.line == 2
    assert not is_symptom(root)


@pytest.mark.parametrize(
    "line",
    [
        "RuntimeError: Failed to wait for all nodes to be ready",
        "TimeoutError: Timed out waiting for the router to become ready",
        "RuntimeError: Server http://127.0.0.1:8000/health failed to start in 3600s",
        "[runner-hooks] FATAL: received SIGINT",
        "RuntimeError: distributed/test_store 1/1 failed!",
        "RuntimeError: Executor worker returned error",
        "+ exit 1",
    ],
)
def test_error_of_a_waiting_process_is_a_symptom(line):
    assert is_symptom(_root(f"starting\n{line}"))


def test_exception_after_a_time_out_is_a_consequence():
    text = """\
[rank0]:[E301 10:00:01.164985384 a.cpp:757] [Rank 0] Watchdog caught collective operation timeout: \
WorkNCCL(SeqNum=1, OpType=ALLGATHER) ran for 600004 milliseconds before timing out.
[rank0]: Traceback (most recent call last):
[rank0]:   File "/app/train.py", line 9, in main
[rank0]:     model = DDP(model)
[rank0]: RuntimeError: Rank 0 has 51 parameters, rank 1 has 0
"""
    assert _root(text.replace("[rank0]: ", "[rank1]: ")).exception == "RuntimeError"  # of another process
    first, *rest = text.splitlines(keepends=True)
    assert "Watchdog caught" in _root(text).headline
    assert _root("".join((*rest, first))).headline == "RuntimeError: Rank 0 has 51 parameters, rank 1 has 0"


def test_leak_is_no_root_if_something_else_failed():
    text = """\
(APIServer pid=7) ERROR 03-01 10:00:01 [async_llm.py:70] AsyncLLM output_handler failed.
/usr/lib/python3.12/multiprocessing/resource_tracker.py:279: UserWarning: resource_tracker: \
There appear to be 1 leaked semaphore objects to clean up at shutdown
"""
    assert _root(text).headline == "AsyncLLM output_handler failed."


@pytest.mark.parametrize(
    "text",
    [
        "He was an only child, and his father, an actor, died early.",
        "The actor of this film died of a fever.",
        "I am an engineer whose brother died when I was young.",
        "Waiting for 1 more node to be ready",
        "ERROR: ld.so: object 'a.so' from LD_PRELOAD cannot be preloaded (wrong ELF class): ignored.",
        "(EngineCore_DP0 pid=7) ERROR 03-01 10:00:01 [fa_utils.py:57] Cannot use FA version 2 is too new",
        "gpu-1:41:47 [0] ras/client.cc:1 NCCL WARN Call to bind failed: Address already in use",
        "(raylet) [2026-03-01 10:00:01,117 E 41 41] monitor.cc:6: /a is over 95% full, available space: 8",
    ],
)
def test_prose_and_harmless_warnings_are_no_failure(text):
    assert not _explained(text)


def test_durations_that_a_plugin_of_pytest_prints_are_no_part_of_a_name():
    text = """\
============================= test session starts ==============================
tests/test_a.py::test_sum FAILED [0.4123s] [100%]
=========================== short test summary info ============================
FAILED [0.4123s] tests/test_a.py::test_sum - KeyError: 'x'
============================== 1 failed in 0.51s ===============================
============================= test session starts ==============================
tests/test_a.py::test_max PASSED [0.0011s] [100%]
============================== 1 passed in 0.02s ===============================
"""
    (found,) = _explained(text)
    assert (found.test, found.failure.root.headline) == ("tests/test_a.py::test_sum", "KeyError: 'x'")


def test_omitted_frames_of_an_absl_stack_are_part_of_it():
    root = _root("""\
*** SIGTERM received at time=1748300290 on cpu 8 ***
[2026-03-01 10:00:01,117 E 41 41] logging.cc:496: *** SIGTERM received at time=1748300290 on cpu 8 ***
[2026-03-01 10:00:01,117 E 41 41] logging.cc:496:     @           0x6bc57d         48  Py_BytesMain
[2026-03-01 10:00:01,117 E 41 41] logging.cc:496:     @ ... and at least 3 more frames
""")
    assert root.headline.startswith("*** SIGTERM received")
    assert is_symptom(root)


@pytest.mark.parametrize(
    "head",
    [
        "2026-03-01 10:00:00,123 - child - ERROR - ",
        "[ERROR] ",
        "2026-03-01 10:00:00 ERROR ",
        "[2026-03-01 10:00:00] ERROR: ",
        "2026-03-01T10:00:00Z ERROR child: ",
        "10:00:01    ERROR - ",
        "time=2026-03-01T10:00:00Z level=ERROR msg=",
    ],
)
def test_traceback_that_another_program_logged_line_by_line_as_errors_is_read(head):
    lines = [
        "Traceback (most recent call last):",
        '  File "/app/run.py", line 7, in main',
        "    step()",
        "ValueError: no such layer",
    ]
    (found,) = _explained("\n".join(f"{head}{line}" for line in lines))
    (event,) = found.failure.chain
    assert event.headline == "ValueError: no such layer"
    assert [frame.function for frame in event.frames] == ["main"]


def test_stack_of_other_code_below_an_exception_is_not_its_own():
    root = _root("""\
Traceback (most recent call last):
  File "/app/run.py", line 7, in main
    step()
torch._dynamo.exc.Unsupported: call_function not supported

from user code:
   File "/app/model.py", line 21, in forward
    return self.kernel(x)

Set TORCHDYNAMO_VERBOSE=1 for the internal stack trace
""")
    assert root.headline == "torch._dynamo.exc.Unsupported: call_function not supported"
    assert [frame.function for frame in root.frames] == ["main"]


def test_original_traceback_of_a_worker_names_its_exception():
    assert _chain("""\
Traceback (most recent call last):
  File "/app/run.py", line 7, in main
    loader.next()
ValueError: Caught ValueError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/app/data.py", line 3, in fetch
    raise ValueError("no such file")
ValueError: no such file
""") == ["ValueError: no such file"]


def test_headline_of_maven_is_not_the_problem_below_it():
    text = (
        "[ERROR] Some problems were encountered while processing the POMs:\n[FATAL] Non-resolvable parent POM"
    )
    assert _root(text).headline == "Non-resolvable parent POM"


def test_list_of_causes_ends_with_the_lines_that_follow_it():
    assert _chain("""\
error: cannot build
Caused by:
  no compiler
    an indented line of another list
starting
  another indented line
ValueError: later
""") == ["no compiler", "ValueError: later", "error: cannot build"]
    assert _chain("Caused by:\nstarting\n  an indented line") == ["Caused by:"]


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("/app/a.rb:6: [BUG] Segmentation fault at 0x08", "./run: line 10: 51632 Abort trap: 6    rake"),
        (
            "ruff.........................................Failed",
            "##[error]Process completed with exit code 1.",
        ),
        (
            "target a: failed to solve: failed to read dockerfile: open Dockerfile: no such file",
            "exit code: 1",
        ),
        ("target a: failed to solve: foo/bar: not found", "exit code: 1"),
        ('fatal: [node-1]: FAILED! => {"changed": false, "msg": "no lock"}', "PLAY RECAP ***"),
        ('p=62 u=root n=ansible | fatal: [node-1]: UNREACHABLE! => {"msg": "no route"}', "PLAY RECAP ***"),
        (">>> Lint for benchmarks/run.py:", "##[error]Process completed with exit code 1."),
        ("ERROR -    = note: lld-link: error: undefined symbol: foo", "ERROR: build failed"),
    ],
)
def test_finding_of_a_tool_is_the_root(line, last):
    root = _root(f"10:00:01 {line}\n10:00:02 {last}")
    assert root.line == 1
    assert not is_symptom(root)


@pytest.mark.parametrize(
    ("printed", "headline"),
    [
        ("KeyErrorKeyErrorKeyError: : : 'a''a''a'", "KeyError: 'a'"),
        ("hub.errorshub.errors..IdErrorIdError: : no such idno such id", "hub.errors.IdError: no such id"),
        ("ValueError: see : : here", "ValueError: see : : here"),
    ],
)
def test_exception_that_several_processes_printed_at_once_is_one(printed, headline):
    lines = ["Traceback (most recent call last):", '  File "/app/run.py", line 7, in main', printed]
    assert _root("\n".join(lines)).headline == headline


def test_traceback_that_torch_logs_with_the_number_of_a_compilation_is_read():
    head = "[rank0]:E0731 16:03:52.115000 116603 torch/_inductor/heuristics.py:539] [1/0] "
    lines = [
        "Triton compilation failed: kernel_0",
        "Traceback (most recent call last):",
        '  File "/app/run.py", line 7, in main',
        "    compile()",
        "RuntimeError: PassManager::run failed",
    ]
    assert _chain("\n".join(f"{head}{line}" for line in lines)) == ["RuntimeError: PassManager::run failed"]
