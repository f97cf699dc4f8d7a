"""Who reads may leave early, as `| head -1` does: that is no failure, and ends no session."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bisect_tool.report.document import Document

MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
GOOD, BAD = "true", "false"


@pytest.fixture
def unread():
    """The end to write to of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture
def start(project):
    """Run the command line in a process of its own, in the project's folder."""

    def run(*words, **streams):
        argv = [sys.executable, "-c", MAIN, *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.run(argv, cwd=project.path, **pipes, text=True, timeout=60, check=False)

    return run


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status",), 0),
        (("plan", "--good", "c1", "--bad", "c8", "--", GOOD), 0),
        (("repro", "c1", "--runs", "1", "--", GOOD), 0),
        (("repro", "c1", "--runs", "1", "--json", "--", BAD), 1),
        (("--good", "c1", "--bad", "c8", "--endpoint-runs", "1", "--", GOOD), 4),
    ],
)
def test_the_exit_code_is_that_of_the_answer(start, unread, words, code):
    ended = start(*words, stdout=unread)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error" not in ended.stderr


def test_a_session_whose_progress_nobody_reads_comes_to_its_end(start, unread):
    ended = start("repro", "c1", "--runs", "3", "--json", "--", GOOD, stderr=unread)
    assert ended.returncode == 0
    assert Document.model_validate_json(ended.stdout).cost.trials == 3
