"""The failure chain: which event is the root, and which are its consequences."""

from __future__ import annotations

from itertools import permutations

import pytest
from engine_logs import (
    DIED,
    FIVE,
    HEALTHY,
    LEAK,
    TREE,
    as_lines,
    broken_pipe,
    engine_core_failure,
    logged,
    prefixed,
    suite_end,
    traceback,
    worker_failure,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.evidence import Event, Failure, Frame, LogLine, SuiteFailure, explain, read_events

CASCADE = [
    "WorkerProc initialization failed",
    "Parent process exited",
    "BrokenPipeError",
    "Server exited unexpectedly",
    "Servers failed to start",
]
SUITE_FRAMES = (
    Frame(
        file="/x/scenarios/external_lb_dp/test_external_lb_dp.py",
        line=40,
        function="test_external_lb_server_info",
    ),
    Frame(file="/x/bisect_tool/pytest_plugin/server_group.py", line=9, function="ensure_serving"),
)


def failure_of(
    lines: list[LogLine], suite: SuiteFailure | None = None, parents: dict[int, int] | None = None
) -> Failure:
    return explain(read_events(lines), suite, parents or {})


def suite_failure(exception: str = "AssertionError", message: str = "assert 1 == 4", **more) -> SuiteFailure:
    return SuiteFailure(**{"phase": "call", "exception": exception, "message": message, "time": 200.0} | more)


def headlines(failure: Failure) -> list[str]:
    return [event.headline for event in failure.chain]


def in_order(failure: Failure, expected: list[str]) -> bool:
    found = headlines(failure)
    return len(found) == len(expected) and all(
        part in text for part, text in zip(expected, found, strict=True)
    )


class TestFiveLines:
    """The lines of vLLM's issue 36624."""

    def test_two_logs_in_any_order_give_one_chain(self):
        for order in permutations(FIVE):
            lines = [
                LogLine(f"4-rank{index % 2}", 100 + index / 1000, text) for index, text in enumerate(order)
            ]
            errors = [event.headline for event in failure_of(lines).chain if event.severity == "error"]
            assert errors == [FIVE[0].partition(": ")[2], FIVE[2].partition(": ")[2], *FIVE[3:]]

    def test_one_source_keeps_all_five_lines(self):
        for order in permutations(FIVE):
            failure = failure_of(as_lines(order))
            assert in_order(failure, CASCADE)
            assert [event.role for event in failure.chain] == [
                "EngineCore_DP1",
                "Worker_DP0_TP0",
                "Worker_DP0_TP0",
                "Test",
                "Test",
            ]

    def test_colours_and_time_stamps_change_nothing(self):
        stamped = [
            f"\x1b_bk;t=1772780000000\x07[2026-03-06T07:02:12Z] \x1b[1;36m{text}\x1b[0m" for text in FIVE
        ]
        assert failure_of(as_lines(stamped)).signature == failure_of(as_lines(FIVE)).signature

    def test_tracebacks_in_the_engine_form(self):
        streams = [engine_core_failure(), broken_pipe(), suite_end()]
        for order in permutations(streams):
            failure = failure_of(as_lines([line for stream in order for line in stream]))
            assert in_order(failure, CASCADE)
            assert failure.root.exception == "Exception"
            assert failure.signature.frame == "vllm/v1/executor/multiproc_executor.py:wait_for_ready"

    @pytest.mark.parametrize(
        "raised",
        [
            "OSError: [Errno 28] No space left on device",
            "ValueError: Free memory on device cuda:0 (1.1/79.2 GiB) on startup is less than desired",
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        ],
    )
    def test_exception_of_the_worker_is_the_root(self, raised):
        streams = [worker_failure(raised), engine_core_failure(), broken_pipe(), suite_end()]
        for order in permutations(streams):
            failure = failure_of(as_lines([line for stream in order for line in stream]))
            assert in_order(failure, [raised, *CASCADE])
            assert failure.root.role == "Worker_DP1_TP0"
            assert failure.root.lines[0] == "WorkerProc failed to start."

    def test_excerpt_shows_the_root_then_the_cascade(self):
        lines = [
            *worker_failure("OSError: [Errno 28] No space left on device"),
            *engine_core_failure(),
            *broken_pipe(),
        ]
        text = failure_of(as_lines(lines)).excerpt
        assert (
            text.index("OSError") < text.index("-> EngineCore_DP1 (pid 21)") < text.index("BrokenPipeError")
        )

    @settings(deadline=None)
    @given(st.permutations([*FIVE, *HEALTHY]))
    def test_healthy_lines_in_between_change_nothing(self, lines):
        failure = failure_of(as_lines(lines))
        assert [event.headline for event in failure.chain if event.severity == "error"] == [
            text.removeprefix("EngineCore_DP1: ").removeprefix("Worker_DP0_TP0: ")
            for text in (FIVE[0], *FIVE[2:])
        ]


class TestHealthy:
    def test_no_event_is_serious(self):
        assert [event.severity for event in read_events(as_lines(HEALTHY))] == ["info"]

    def test_parent_process_exited_alone_is_not_serious(self):
        failure = failure_of(as_lines(HEALTHY), suite_failure())
        assert [event.kind for event in failure.chain] == ["test"]


class TestShutdown:
    def test_leak_is_the_root_if_the_suite_reports_it(self):
        suite = suite_failure(message=f"assert not ('4-rank0: {LEAK[0]}',)", phase="call")
        failure = failure_of(as_lines([*HEALTHY, *LEAK]), suite)
        assert [event.kind for event in failure.chain] == ["leak", "test"]
        assert failure.root.message.startswith("resource_tracker: There appear to be 1 leaked shared_memory")
        assert failure.signature.message == (
            "resource_tracker: There appear to be <n> leaked shared_memory objects to clean up at shutdown"
        )

    def test_leak_is_no_cause_of_another_failure(self):
        failure = failure_of(as_lines([*HEALTHY, *LEAK]), suite_failure(message="assert '' # no text"))
        assert [event.kind for event in failure.chain] == ["test", "leak"]

    def test_dead_engine_core_is_the_root_of_a_teardown_failure(self):
        failure = failure_of(
            as_lines([*HEALTHY, *DIED]), suite_failure(message="assert not ('1-rank1: ...died...',)")
        )
        assert (
            failure.root.message == "Engine core proc EngineCore_DP1 died unexpectedly, shutting down client."
        )
        assert failure.root.role == "APIServer"
        assert failure.signature.role == "ApiServer"

    def test_reported_leak_comes_before_a_dead_engine_core(self):
        frames = (Frame(file="/x/test_lb.py", line=1, function="test_external_lb_teardown"),)
        failure = failure_of(
            as_lines([*DIED, *LEAK]), suite_failure(message="assert not ('1-rank1...',)", frames=frames)
        )
        assert [event.kind for event in failure.chain] == ["leak", "log", "test"]

    @pytest.mark.parametrize("what", ["semaphore", "shared_memory", "folder"])
    @pytest.mark.parametrize("names", ["", ": {'/psm_a1b2c3d4', '/psm_00ff11ee'}"])
    def test_every_kind_of_leak(self, what, names):
        message = f"resource_tracker: There appear to be 12 leaked {what} objects to clean up at shutdown"
        line = f"x.py:254: UserWarning: {message}{names}"
        (event,) = read_events(as_lines([line]))
        assert (event.kind, event.severity, event.role) == ("leak", "warning", "Launcher")


class TestSuite:
    def test_failure_of_the_suite_alone_is_the_root(self):
        failure = failure_of(as_lines(HEALTHY), suite_failure(frames=SUITE_FRAMES))
        assert failure.chain == (failure.root,)
        assert failure.root.role == "Test"
        assert str(failure.signature) == (
            "Test: AssertionError: assert <n> == <n> "
            "(external_lb_dp/test_external_lb_dp.py:test_external_lb_server_info)"
        )

    def test_engine_error_explains_a_failure_of_the_suite(self):
        lines = prefixed(
            "(ApiServer_2 pid=9)", traceback((f"{TREE}/vllm/a.py", 3, "f"), raised="KeyError: 'x'")
        )
        failure = failure_of(as_lines(lines), suite_failure())
        assert headlines(failure) == ["KeyError: 'x'", "AssertionError: assert 1 == 4"]

    def test_logged_exception_of_the_suite_is_counted_once(self):
        suite = suite_failure("Exception", "Servers failed to start")
        assert sum("Servers failed" in text for text in headlines(failure_of(as_lines(FIVE), suite))) == 1

    def test_chain_without_events_has_a_root(self):
        failure = explain((), None, {})
        assert failure.chain == (failure.root,)


class TestAfterTheSuiteHadFailed:
    def test_shutdown_of_the_servers_is_no_cause(self):
        failure = failure_of(
            as_lines([*DIED, *broken_pipe(), *LEAK], start=201.0), suite_failure(message="assert ''")
        )
        assert [event.kind for event in failure.chain] == ["test"]

    def test_cause_may_be_logged_shortly_afterwards(self):
        failure = failure_of(
            as_lines(worker_failure("ValueError: x"), start=200.6), suite_failure(message="assert ''")
        )
        assert failure.root.exception == "ValueError"

    def test_reported_leak_may_be_logged_shortly_afterwards(self):
        failure = failure_of(
            as_lines([*LEAK], start=200.6), suite_failure(message="assert not Teardown(...).error_lines")
        )
        assert failure.root.kind == "leak"


class TestFourTextsOfOneTeardown:
    """Four logs of one bug: only leaks; a dead engine core; its client, too; a cancelled reader."""

    LOGGED = logged(
        "(APIServer pid=11325)",
        "async_llm.py:707",
        [
            "AsyncLLM output_handler failed.",
            *traceback(
                (f"{TREE}/vllm/v1/engine/core_client.py", 1012, "get_output_async"),
                raised="vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. "
                "See stack trace (above) for the root cause.",
            ),
        ],
    )

    CANCELLED = logged(
        "(EngineCore_DP1 pid=11330)",
        "core.py:1142",
        [
            "EngineCore encountered a fatal error.",
            *traceback(
                (f"{TREE}/vllm/distributed/device_communicators/shm_broadcast.py", 674, "acquire_read"),
                raised="RuntimeError: cancelled",
            ),
        ],
    )

    def test_all_texts_have_one_signature(self):
        suite = suite_failure(
            message="assert not ('1-rank1: ...',)\n +  where (...) = Teardown(seconds=0.7, shm_left=())"
        )
        texts = (LEAK, [*DIED, *LEAK], [*DIED, *self.LOGGED, *LEAK], [*self.CANCELLED, *LEAK])
        failures = [failure_of(as_lines([*HEALTHY, *lines]), suite) for lines in texts]
        assert len({failure.signature for failure in failures}) == 1
        assert [event.kind for event in failures[2].chain] == ["leak", "log", "exception", "test"]


@pytest.mark.parametrize(
    "raised",
    [
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        "RuntimeError: Engine core EngineCore_DP1 failed. See root cause above.",
        "RuntimeError: Worker failed with error 'x', please check the stack trace above for the root cause",
        "RuntimeError: Process ApiServer_1 (PID: 77) died with exit code 1",
        "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "EOFError",
        "asyncio.exceptions.CancelledError",
        "SystemExit: 1",
        "RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1234",
    ],
)
def test_report_of_another_failure_is_no_root(raised):
    report = prefixed("(APIServer pid=3)", traceback((f"{TREE}/vllm/a.py", 1, "f"), raised=raised))
    cause = prefixed(
        "(Worker_DP0 pid=4)", traceback((f"{TREE}/vllm/b.py", 1, "g"), raised="ValueError: cause")
    )
    assert headlines(failure_of(as_lines([*report, *cause]))) == ["ValueError: cause", raised]
    assert headlines(failure_of(as_lines(report))) == [raised]


class TestHang:
    def test_hang_names_what_was_waited_for(self):
        one = suite_failure(
            "Hang", "GET /health was not 200 on every rank within 120 s (rank 0: 503, rank 1: never asked)"
        )
        two = suite_failure(
            "bisect_tool.ServersHung",
            "GET /health was not 200 on every rank within 90 s (rank 1: 503)",
            frames=SUITE_FRAMES,
        )
        failure = failure_of([], one)
        assert failure.root.kind == "hang"
        assert str(failure.signature) == "Test: Hang: GET /health was not <n> on every rank within <n>"
        assert failure_of([], two).signature.message == failure.signature.message

    def test_events_after_the_end_of_a_hang_are_no_cause(self):
        failure = failure_of(
            as_lines([*broken_pipe(), *LEAK, *DIED]), suite_failure("Hang", "call did not end (deadline)")
        )
        assert failure.root.kind == "hang"

    def test_exception_before_a_hang_is_the_cause(self):
        lines = as_lines(worker_failure("ValueError: no such kernel"))
        failure = failure_of(lines, suite_failure("Hang", "GET /health (deadline)"))
        assert failure.root.exception == "ValueError"

    def test_exception_after_a_hang_is_no_cause(self):
        lines = as_lines(worker_failure("ValueError: interrupted"), start=201)
        assert [
            event.kind for event in failure_of(lines, suite_failure("Hang", "call did not end (idle)")).chain
        ] == ["hang"]


PARENTS = {31: 21, 21: 11, 32: 22, 22: 12}


class TestAncestry:
    @staticmethod
    def raised(pid: int, time: float) -> Event:
        return Event(
            time=time,
            source="s",
            role=f"R{pid}",
            pid=pid,
            kind="exception",
            severity="error",
            exception="E",
            message=f"m{'x' * pid}",
        )

    def test_at_the_same_time_a_child_comes_before_its_parents(self):
        events = [self.raised(pid, 100.0) for pid in (11, 21, 31)]
        assert [explain(order, None, PARENTS).root.pid for order in permutations(events)] == [31] * 6

    def test_child_of_an_unrelated_process_does_not_come_first(self):
        events = (self.raised(21, 100.0), self.raised(32, 100.1))
        assert explain(events, None, PARENTS).root.pid == 21

    def test_earlier_time_takes_precedence(self):
        events = (self.raised(11, 100.0), self.raised(31, 103.0))
        assert explain(events, None, PARENTS).root.pid == 11

    def test_circular_parents_end(self):
        events = (self.raised(1, 100.0), self.raised(2, 100.0))
        assert explain(events, None, {1: 2, 2: 1}).root.pid in {1, 2}


def test_consequence_is_the_root_without_a_cause():
    failure = failure_of(as_lines([*broken_pipe(), *suite_end()]))
    assert failure.root.exception == "BrokenPipeError"


def test_unexplained_error_comes_before_a_broken_pipe():
    error = logged("(EngineCore_DP0 pid=5)", "core.py:9", ["Out of cheese"])
    assert headlines(failure_of(as_lines([*broken_pipe(), *error])))[0] == "Out of cheese"


def test_unknown_option_of_a_server_comes_before_a_broken_pipe():
    misuse = [
        "usage: vllm serve [model_tag]",
        "vllm serve: error: unrecognized arguments: --shutdown-timeout 5",
    ]
    failure = failure_of(as_lines([*broken_pipe(), *misuse, *suite_end()]))
    assert headlines(failure)[0] == misuse[1]
    assert failure.root.role == "Launcher"


def test_killed_worker_comes_before_broken_pipes():
    message = "Worker proc VllmWorker-1 died unexpectedly, shutting down executor."
    killed = logged("(EngineCore_DP0 pid=3)", "multiproc_executor.py:273", [message])
    failure = failure_of(as_lines([*broken_pipe(), *killed]), suite_failure())
    assert failure.root.message == message
    assert "BrokenPipeError: [Errno 32] Broken pipe" in headlines(failure)


def test_equal_events_of_many_processes_are_listed_once():
    lines = [
        line
        for number in range(4)
        for line in prefixed(
            f"(ApiServer_{number} pid={50 + number})",
            traceback(
                (f"{TREE}/vllm/a.py", number, "run"),
                raised=f"RuntimeError: no engine at port {8000 + number}",
            ),
        )
    ]
    assert [event.role for event in failure_of(as_lines(lines)).chain] == ["ApiServer_0"]
