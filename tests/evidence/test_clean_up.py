"""Errors of a CI service's clean-up after a job are no root."""

import pytest

from bisect_tool.evidence import LogLine, explain_log

_STAMP = "2026-03-01T10:00:01.1234567Z "


def _roots(*lines):
    found = explain_log(LogLine("log", 0.0, line, at) for at, line in enumerate(lines, 1))
    return [each.failure.root.message for each in found]


@pytest.mark.parametrize(
    ("end", "begins"),
    [
        (f"{_STAMP}##[error]Process completed with exit code 137.", f"{_STAMP}Post job cleanup."),
        ("ERROR: Job failed: exit code 3", "Running after_script"),
        (
            "\N{POLICE CARS REVOLVING LIGHT} Error: The command exited with status 3",
            "~~~ Running global pre-exit hook",
        ),
    ],
)
def test_error_of_a_clean_up_is_not_the_root(end, begins):
    error = "fatal: No url found for submodule path 'a' in .gitmodules"
    (root,) = _roots("+ ./migrate", end, begins, f"{_STAMP}{error}" if begins.startswith(_STAMP) else error)
    assert "fatal" not in root


def test_steps_after_a_cancellation_are_no_root():
    lines = (f"{_STAMP}##[error]The operation was canceled.", f"{_STAMP}Error: No reports found.")
    assert _roots(*lines) == ["The operation was canceled."]


def test_error_of_a_clean_up_is_the_root_without_another():
    assert _roots(f"{_STAMP}Post job cleanup.", f"{_STAMP}fatal: no space on the runner") == [
        "fatal: no space on the runner"
    ]


def test_next_job_in_the_same_log_is_not_part_of_the_clean_up():
    lines = ("Cleaning up project directory and file based variables", "Running with gitlab-runner 17.0")
    assert _roots(*lines, "error: no such target") == ["error: no such target"]
