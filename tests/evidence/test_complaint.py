"""The sentence before the exit code of a job, if nothing else explains the failure."""

import pytest

from bisect_tool.evidence import LogLine, explain_log

_STAMP = "2026-03-01T10:00:01.1234567Z "


def _chain(*lines):
    found = explain_log(LogLine("log", 0.0, line, at) for at, line in enumerate(lines, 1))
    return [event.message for event in found[0].failure.chain]


@pytest.mark.parametrize(
    ("complaint", "end"),
    [
        ('service app: undefined secret "account"', "ERROR: Job failed: exit code 1"),
        (
            "\N{CROSS MARK} Test count 583 is outside of 387-417",
            "##[error]Process completed with exit code 1.",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit.",
            "[Container] 2026/03/01 10:00:01 Command did not exit successfully docker build . exit status 1",
        ),
    ],
)
def test_complaint_before_the_exit_code_is_the_root(complaint, end):
    chain = _chain("$ ./deploy", "creating a network", complaint, "", end)
    assert chain[0] == complaint
    assert len(chain) == 2


@pytest.mark.parametrize(
    "before",
    [
        ("the stack is not found, skipping", "$ ./deploy"),
        (f"{_STAMP}  echo 'the stack is not found'", f"{_STAMP}##[endgroup]"),
        (f"{_STAMP}the stack is not found", f"{_STAMP}+ ./deploy"),
        ("lint passed with 0 errors",),
        ("FAILURE: Build failed with an exception.",),
        ("** ARCHIVE FAILED **", "(1 failure)"),
        (f"{_STAMP}WARNING: the key `a` is not supported",),
        (f"{_STAMP}/lib/a.py:7: UserWarning: the key `a` is not supported",),
    ],
)
def test_other_command_does_not_explain_the_failure(before):
    end = f"{_STAMP}##[error]Process completed with exit code 3."
    assert _chain(*before, f"{_STAMP}deploying", end) == ["Process completed with exit code 3"]


def test_named_process_does_not_end_for_the_reason_in_another_line():
    end = "(Worker_TP0 pid=7) process exited with code 3"
    assert _chain("the cache is not found", end) == [end.partition(") ")[2]]


@pytest.mark.parametrize(
    "line",
    [
        "ContinueOnError: False",
        "ERROR: pip's dependency resolver does not currently take into account all the packages",
        f"{_STAMP}ERROR tests/test_cart.py",
    ],
)
def test_setting_and_conflict_and_summary_are_no_errors(line):
    assert not explain_log([LogLine("log", 0.0, line, 1)])
