"""Any log: each failed test that pytest reports is a failure; a log without one is a single failure."""

import pytest

from bisect_tool.evidence import LogLine, explain_log, is_symptom, signatures

ENGINE = "(EngineCore_DP0 pid=77) ERROR 06-10 16:45:05 [core.py:12] RuntimeError: KV cache is too small"

REPORT = f"""\
============================= test session starts ==============================
collected 5 items

tests/test_a.py FF.                                                      [ 60%]
tests/test_b.py EF                                                       [100%]

==================================== ERRORS ====================================
_________________________ ERROR at setup of test_disk __________________________

    @pytest.fixture
    def disk():
>       raise OSError(28, "No space left on device")
E       OSError: [Errno 28] No space left on device

tests/test_b.py:20: OSError
=================================== FAILURES ===================================
______________________________ TestK.test_m[x y] _______________________________

self = <test_a.TestK object at 0x7f3632ffded0>, n = 'x y'

    def test_m(self, n):
>       assert n == 3
E       AssertionError: assert 'x y' == 3
E        +  where 'x y' = name()

tests/test_a.py:8: AssertionError
----------------------------- Captured stderr call -----------------------------
{ENGINE}
___________________________________ test_key ___________________________________

    def test_key():
>       helper("b")

tests/test_a.py:12:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

x = 'b'

    def helper(x):
>       return {{"a": 1}}[x]
E       KeyError: 'b'

tests/test_a.py:3: KeyError
__________________________________ test_chain __________________________________

    def test_chain():
        try:
>           connect()
E       TimeoutError: no answer

tests/test_b.py:3: TimeoutError

The above exception was the direct cause of the following exception:

        except TimeoutError as error:
>           raise RuntimeError("cannot start") from error
E           RuntimeError: cannot start

tests/test_b.py:17: RuntimeError
=========================== short test summary info ============================
FAILED tests/test_a.py::TestK::test_m[x y] - AssertionError: assert 'x y' == 3
FAILED tests/test_a.py::test_key - KeyError: 'b'
FAILED tests/test_b.py::test_chain - RuntimeError: cannot start
ERROR tests/test_b.py::test_disk - OSError: [Errno 28] No space left on device
==================== 3 failed, 1 passed, 1 error in 6.23s ======================
"""


def lines(text, source="log"):
    return [LogLine(source, 0.0, line, number) for number, line in enumerate(text.split("\n"), 1)]


def explained(text, known_good=frozenset()):
    return {each.test: each.failure for each in explain_log(lines(text), known_good)}


def headlines(failure):
    return [(event.role, event.headline) for event in failure.chain]


def test_each_failed_test_is_a_failure():
    assert set(explained(REPORT)) == {
        "tests/test_a.py::TestK::test_m[x y]",
        "tests/test_a.py::test_key",
        "tests/test_b.py::test_chain",
        "tests/test_b.py::test_disk",
    }


def test_most_serious_failure_comes_first():
    assert explain_log(lines(REPORT))[0].test == "tests/test_a.py::TestK::test_m[x y]"


def test_captured_output_is_evidence_of_its_test_only():
    failures = explained(REPORT)
    assert headlines(failures["tests/test_a.py::TestK::test_m[x y]"]) == [
        ("EngineCore_DP0", "RuntimeError: KV cache is too small"),
        ("Test", "AssertionError: assert 'x y' == 3"),
    ]
    assert headlines(failures["tests/test_a.py::test_key"]) == [("Test", "KeyError: 'b'")]


@pytest.mark.parametrize(
    ("raised", "root"),
    [
        ("app.errors.UploadError: too large", "app.errors.UploadError: too large"),
        ("KeyError: 'x'", "KeyError: 'x'"),
        ("AssertionError: status 500", "retry failed"),
        ("Failed: Timeout >60.0s", "retry failed"),
        ("subprocess.CalledProcessError: Command 'x' returned non-zero exit status 1.", "retry failed"),
    ],
)
def test_exception_of_a_test_comes_before_logged_errors(raised, root):
    text = f"""\
=================================== FAILURES ===================================
_________________________________ test_upload __________________________________
E       {raised}

src/app/client.py:88: {raised.partition(":")[0]}
----------------------------- Captured stderr call -----------------------------
ERROR:app:retry failed
=========================== short test summary info ============================
FAILED tests/test_upload.py::test_upload - {raised}
"""
    (found,) = explain_log(lines(text))
    assert found.failure.root.headline == root


def test_frames_and_line_of_a_test_come_from_its_section():
    root = explained(REPORT)["tests/test_a.py::test_key"].root
    assert [(frame.file, frame.line, frame.function) for frame in root.frames] == [
        ("tests/test_a.py", 12, "test_key"),
        ("tests/test_a.py", 3, "helper"),
    ]
    assert REPORT.split("\n")[root.line - 1].strip("_") == " test_key "


def test_first_of_chained_exceptions_is_the_root():
    assert headlines(explained(REPORT)["tests/test_b.py::test_chain"]) == [
        ("Test", "TimeoutError: no answer"),
        ("Test", "RuntimeError: cannot start"),
    ]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda line: f"2026-03-06T08:01:02.1234567Z {line}",
        lambda line: f"gpu tests\tRun tests\t2026-03-06T08:01:02.1234567Z {line}",
        lambda line: f"\x1b_bk;t=1741200000\x07{line}",
        lambda line: f"\x1b[31m{line}\x1b[0m",
        lambda line: f"{line}\r",
    ],
    ids=["github", "gh run view", "buildkite", "coloured", "crlf"],
)
def test_prefixes_of_collectors_change_no_failure(wrapped):
    text = "\n".join(wrapped(line) for line in REPORT.split("\n"))
    assert {test: failure.signature for test, failure in explained(text).items()} == {
        test: failure.signature for test, failure in explained(REPORT).items()
    }


def test_test_without_a_summary_is_named_by_its_section():
    text, _, _ = REPORT.partition("=========================== short")
    assert set(explained(text)) == {"TestK.test_m[x y]", "test_key", "test_chain", "test_disk"}


def test_summary_without_a_section_gives_the_root():
    _, _, text = REPORT.partition("summary info ============================\n")
    assert headlines(explained(text)["tests/test_a.py::test_key"]) == [("Test", "KeyError: 'b'")]


def test_native_traceback_belongs_to_its_test():
    text = """\
=================================== FAILURES ===================================
___________________________________ test_key ___________________________________
Traceback (most recent call last):
  File "/work/tests/test_a.py", line 12, in test_key
    helper("b")
  File "/work/tests/test_a.py", line 3, in helper
    return {"a": 1}[x]
KeyError: 'b'
=========================== short test summary info ============================
FAILED tests/test_a.py::test_key - KeyError: 'b'
"""
    failure = explained(text)["tests/test_a.py::test_key"]
    assert headlines(failure) == [("Test", "KeyError: 'b'")]
    assert failure.root.frames[-1].function == "helper"


LIVE = f"""\
tests/test_a.py::test_one (EngineCore_DP0 pid=70) ERROR 06-10 16:40:00 [core.py:9] ValueError: expected
PASSED
tests/test_a.py::test_two {ENGINE}
FAILED
(EngineCore_DP0 pid=77) ERROR 06-10 16:46:00 [core.py:99] KeyError: 'at the end'
tests/test_a.py::test_three FAILED

=================================== FAILURES ===================================
___________________________________ test_two ___________________________________
E       assert 500 == 200
tests/test_a.py:8: AssertionError
__________________________________ test_three __________________________________
E       assert 1 == 2
tests/test_a.py:12: AssertionError
=========================== short test summary info ============================
FAILED tests/test_a.py::test_two - assert 500 == 200
FAILED tests/test_a.py::test_three - assert 1 == 2
========================= 2 failed, 1 passed in 12.34s =========================
"""


def test_live_output_belongs_to_the_test_that_ran():
    failures = explained(LIVE)
    assert headlines(failures["tests/test_a.py::test_two"]) == [
        ("EngineCore_DP0", "RuntimeError: KV cache is too small"),
        ("Test", "AssertionError: assert 500 == 200"),
    ]
    assert headlines(failures["tests/test_a.py::test_three"]) == [("Test", "AssertionError: assert 1 == 2")]


def test_log_truncated_before_the_report_names_its_failed_tests():
    text, _, _ = LIVE.partition("=====")
    failures = explained(text)
    assert set(failures) == {"tests/test_a.py::test_two", "tests/test_a.py::test_three"}
    assert failures["tests/test_a.py::test_two"].root.role == "EngineCore_DP0"


def test_crashed_xdist_worker_is_the_failure_of_its_test():
    text = """\
gw0 [2] / gw1 [2]
.Fatal Python error: Segmentation fault

Current thread 0x00007f1ad1550000 (most recent call first):
  File "/work/tests/test_n.py", line 65 in test_shape
[gw0] node down: Not properly terminated
F
=================================== FAILURES ===================================
_ tests/test_n.py _
[gw0] linux -- Python 3.12.6 /usr/bin/python3
worker 'gw0' crashed while running 'tests/test_n.py::test_shape'
=========================== short test summary info ============================
FAILED tests/test_n.py::test_shape
"""
    failures = explained(text)
    assert list(failures) == ["tests/test_n.py::test_shape"]
    assert failures["tests/test_n.py::test_shape"].root.headline == "Fatal Python error: Segmentation fault"


def test_log_without_tests_is_one_failure():
    text = f"INFO starting\n{ENGINE}\n"
    found = explain_log(lines(text))
    assert [each.test for each in found] == [""]
    assert (found[0].failure.root.headline, found[0].failure.root.line) == (
        "RuntimeError: KV cache is too small",
        2,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "INFO 06-10 16:45:05 [core.py:12] Engine 000: Running: 3 reqs\n" * 3,
        "collected 2 items, 0 errors, 0 failed\n",
        f"tests/test_a.py::test_one {ENGINE}\nPASSED\n===== 1 passed, 2 warnings in 0.12s =====\n",
    ],
    ids=["empty", "healthy", "counts", "errors that passing tests expect"],
)
def test_log_without_failure_has_none(text):
    assert explain_log(lines(text)) == ()


def test_error_after_passing_tests_is_a_failure():
    text = f"===== 1 passed in 0.12s =====\n{ENGINE}\n"
    assert [each.failure.root.line for each in explain_log(lines(text))] == [2]


def test_error_that_is_also_in_the_passing_log_is_no_root():
    usual = "(Worker_TP0 pid=78) ERROR 06-10 16:45:01 [nccl.py:7] ValueError: cannot read the topology"
    bad = f"{usual}\n{ENGINE}\n"
    good = signatures(lines(f"{usual.replace('16:45:01', '11:00:00').replace('78', '91')}\n"))
    assert explained(bad)[""].root.headline == "ValueError: cannot read the topology"
    assert headlines(explained(bad, good)[""]) == [("EngineCore_DP0", "RuntimeError: KV cache is too small")]


def test_test_that_also_fails_in_the_good_log_is_no_failure():
    assert explain_log(lines(REPORT), signatures(lines(REPORT))) == ()


def test_root_of_a_failed_test_may_be_in_another_log():
    report = LIVE.partition("\n\n")[2]
    found = explain_log([*lines(f"starting\n{ENGINE}", "server"), *lines(report, "tests")])
    root = found[0].failure.root
    assert (root.source, root.line, root.headline) == ("server", 2, "RuntimeError: KV cache is too small")


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("    add_test.go:9: got 3, want 4\n--- FAIL: TestAdd (0.00s)\nFAIL\n", "TestAdd"),
        (
            " FAIL  src/add.test.js\n  \u25cf add \u203a adds numbers\n    Expected: 4\n",
            "add \u203a adds numbers",
        ),
        ("[ RUN      ] Foo.Bar\nfoo.cc:12: Failure\n[  FAILED  ] Foo.Bar (0 ms)\n", "Foo.Bar"),
        ("TAP version 13\nok 1 - a\nnot ok 2 - adds\n", "adds"),
    ],
    ids=["go", "jest", "googletest", "tap"],
)
def test_tests_of_other_runners_are_failures(text, test):
    (found,) = explain_log(lines(text))
    assert found.test == test
    assert text.split("\n")[1].strip() in found.failure.excerpt
    ci = "".join(f"{line}\n" for line in (*text.split("\n"), "##[error]Process completed with exit code 1."))
    assert [each.test for each in explain_log(lines(ci))] == [test]


def test_message_of_the_ci_service_is_a_symptom_without_other_errors():
    text = "08:01:03Z checksum differs\n##[error]Process completed with exit code 3.\n"
    (found,) = explain_log(lines(text))
    assert "checksum differs" in found.failure.excerpt
    assert found.failure.root.headline == "Process completed with exit code 3"
    assert is_symptom(found.failure.root)
    assert explain_log(lines(text.replace("code 3", "code 0"))) == ()


def test_failed_test_is_named_even_if_its_root_is_a_symptom():
    text = """\
FAILED tests/test_a.py::test_one - subprocess.CalledProcessError: Command 'x' returned non-zero exit status 1.
##[error]Process completed with exit code 1.
"""
    assert [each.test for each in explain_log(lines(text))] == ["tests/test_a.py::test_one"]


def test_many_failed_tests_and_many_other_errors_are_read():
    head = "(Worker pid=7) ERROR 06-10 16:45:05"
    errors = [f"{head} [a.py:{n}] ValueError: {chr(97 + n % 26)}" for n in range(300)]
    summary = [f"FAILED tests/test_a.py::test_{n} - assert {n} == 0" for n in range(200)]
    found = explain_log(lines("\n".join((*errors, *summary))))
    assert len(found) == 200
    assert {each.failure.root.headline for each in found} == {"ValueError: a"}


def test_report_about_the_servers_is_no_root_if_the_engine_failed():
    raised = (
        "suite.failures.ServersFailed: Server failed to start: rank 1: (EngineCore_DP1 pid=7) ERROR 06-10"
    )
    report = [
        "=================================== ERRORS ====================================",
        "______________________ ERROR at setup of test_info[4] ______________________",
        '>               raise ServersFailed(f"Server failed to start: rank {server.rank}: {fatal}")',
        f"E               {raised} 16:45:05 [core.py:169] EngineCore failed to start.",
        "",
        "suite/server_group.py:230: ServersFailed",
        "=========================== short test summary info ============================",
        "ERROR test_suite.py::test_info[4] - suite.failures.ServersFailed: Server failed...",
    ]
    head = "(EngineCore_DP1 pid=7) ERROR 06-10 16:45:05 [core.py:169]"
    engine = [
        f"{head} EngineCore failed to start.",
        f"{head} Traceback (most recent call last):",
        f'{head}   File "/opt/engine/executor.py", line 68, in wait_for_ready',
        f"{head} RuntimeError: WorkerProc initialization failed. See stack trace for root cause.",
    ]
    lines = [LogLine("suite", 0.0, text, number) for number, text in enumerate(report, 1)]
    lines += [LogLine("rank1", 0.0, text, number) for number, text in enumerate(engine, 1)]
    (found,) = explain_log(lines)
    assert [event.role for event in found.failure.chain] == ["EngineCore_DP1", "Test"]


def test_error_that_stopped_pytest_before_a_test_is_found():
    lines = [
        "===== test session starts =====",
        "Fatal Python error: Bus error",
        "INTERNALERROR> RuntimeError: Unexpectedly no active workers available",
        "===== no tests ran in 2.63s =====",
    ]
    found = explain_log([LogLine("log", 0.0, text, number) for number, text in enumerate(lines, 1)])
    assert [each.failure.root.message for each in found] == ["Fatal Python error: Bus error"]
