"""Standard output and error that are unread, full or closed, or a closed terminal."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from forked_cli import run_forked

from bisect_tool.json_document.document import Document

MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
GOOD, BAD = "true", "false"


@pytest.fixture
def unread():
    """The write end of a pipe whose read end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture
def start(project):
    """Run the command line in the project's folder, with these streams, in a process that is forked."""

    def run(*arguments, **streams):
        descriptors = {
            name: stream if isinstance(stream, int) else stream.fileno() for name, stream in streams.items()
        }
        ended = run_forked(arguments, project.path, dict(os.environ), 60, **descriptors)
        return subprocess.CompletedProcess(arguments, *ended)

    return run


@pytest.fixture
def execute(project):
    """As `start`, in a new Python process."""

    def run(*arguments, **streams):
        argv = [sys.executable, "-c", MAIN, *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.run(argv, cwd=project.path, **pipes, text=True, timeout=60, check=False)

    return run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status",), 0),
        (("plan", "--good", "c1", "--bad", "c8", "--", GOOD), 0),
        (("repro", "c1", "--runs", "1", "--", GOOD), 0),
        (("repro", "c1", "--runs", "1", "--json", "--", BAD), 1),
        (("--good", "c1", "--bad", "c8", "--endpoint-runs", "1", "--", GOOD), 4),
    ],
)
def test_unread_stdout_keeps_the_exit_code_of_the_result(start, unread, arguments, code):
    ended = start(*arguments, stdout=unread)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error" not in ended.stderr


def test_session_with_unread_progress_finishes(start, unread):
    ended = start("repro", "c1", "--runs", "3", "--json", "--", GOOD, stderr=unread)
    assert ended.returncode == 0
    assert Document.model_validate_json(ended.stdout).cost.trials == 3


@pytest.fixture
def closed_terminal():
    """A terminal that was closed: writing to it is an I/O error."""
    master, slave = pty.openpty()
    os.close(master)
    yield slave
    os.close(slave)


@pytest.fixture
def full():
    with Path("/dev/full").open("w") as device:
        yield device


@pytest.fixture(params=["full", "unread", "closed_terminal"])
def unwritable(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def shell(project):
    """Run a line of sh in the project's folder; `$BISECT_RUN` is the command line."""

    def run(line):
        env = {**os.environ, "BISECT_RUN": f"{shlex.quote(sys.executable)} -c {shlex.quote(MAIN)}"}
        argv = ["sh", "-c", f'eval "$BISECT_RUN {line}"']
        done = subprocess.run(argv, cwd=project.path, env=env, capture_output=True, timeout=60, check=False)
        return done.returncode, done.stderr.decode()

    return run


def test_unwritable_stderr_keeps_a_good_commit_good(start, unwritable):
    assert start("step", "--rev", "c1", "--", "./check.sh", stderr=unwritable).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("step", "--rev", "c5", "--", "./check.sh"), 1),
        (("step", "--rev", "c1", "--", "sh", "-c", "exit 125"), 125),
        (("step", "--rev", "no-such-ref", "--", GOOD), 128),
        (("--good", "c4", "--bad", "c5", "--", "./check.sh"), 0),
        (("--no-such-option",), 2),
    ],
)
def test_unwritable_stderr_changes_no_exit_code(start, full, arguments, code):
    assert start(*arguments, stderr=full).returncode == code


def test_closed_streams_change_no_verdict(shell):
    assert shell("step --rev c1 -- ./check.sh <&- >&- 2>&-")[0] == 0
    assert shell("step --rev c5 -- ./check.sh 2>&-")[0] == 1


def test_files_of_the_tool_never_get_a_standard_descriptor(tmp_path):
    """Stderr of git and tracebacks must not be written into the store."""
    program = f"""
import sys
from pathlib import Path
from bisect_tool.terminal import writer
with writer.unfailing(), Path({str(tmp_path / "store")!r}).open("w") as store:
    sys.exit(store.fileno())
"""
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], timeout=60, check=False).returncode > 2


def test_internal_error_with_full_stderr_aborts_git_bisect(project, full):
    broken = "from bisect_tool.cli import run_session; run_session.resolve = None; " + MAIN
    argv = [sys.executable, "-c", broken, "step", "--", GOOD]
    done = subprocess.run(argv, cwd=project.path, stderr=full, timeout=60, check=False)
    assert done.returncode == 128


@pytest.mark.parametrize(("command", "code"), [("step", 128), ("status", 5)])
def test_broken_installation_is_not_a_bad_commit(tmp_path, command, code):
    """As when PYTHONPATH leads to a broken project that is bisected, such as `typer`."""
    (tmp_path / "typer.py").write_text("import no_such_module\n")
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {MAIN}", command]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert "no_such_module" in done.stderr


def test_broken_pipe_is_not_a_bad_commit(project):
    """Typer ends the process with 1 for every broken pipe."""
    broken = (
        "from bisect_tool.cli import run_session\ndef fail(*_): raise BrokenPipeError(32, 'Broken pipe')\n"
    )
    argv = [sys.executable, "-c", f"{broken}run_session.resolve = fail\n{MAIN}", "step", "--", GOOD]
    done = subprocess.run(argv, cwd=project.path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 128
    assert "BrokenPipeError" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("step", "--help"),
        ("status",),
        ("doctor",),
        ("plan", "--good", "c4", "--bad", "c5", "--", "./check.sh"),
        ("--good", "c4", "--bad", "c5", "--json", "--", "./check.sh"),
    ],
)
def test_result_that_cannot_be_written_is_an_error(start, full, arguments):
    ended = start(*arguments, stdout=full)
    assert ended.returncode == (128 if arguments[0] == "step" else 5)
    assert "error: cannot write to standard output: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unbuffered_result_that_cannot_be_written_is_an_error(execute, full, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    assert execute("--version", stdout=full).returncode == 5


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_result_written_in_part_is_an_error(tmp_path, monkeypatch, unbuffered):
    """A disk that becomes full accepts a part, like a limit on the size of files."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    line = f"ulimit -f 1; {shlex.quote(sys.executable)} -c {shlex.quote(MAIN)} --help > help.txt"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 5
    assert b"cannot write to standard output: File too large" in done.stderr


def test_closed_stdout_is_an_error(shell):
    code, output = shell("--version >&-")
    assert code == 5
    assert "cannot write to standard output" in output


def test_result_of_a_session_can_be_printed_again(start, full):
    assert start("repro", "c5", "--runs", "1", "--json", "--", "./check.sh", stdout=full).returncode == 5
    again = start("report", "--json")
    assert again.returncode == 0
    assert Document.model_validate_json(again.stdout).cost.trials == 1


def test_help_with_closed_reader(execute, unread):
    assert execute("--help", stdout=unread).returncode == 0


def test_unwritable_script_is_an_error(start):
    ended = start("repro", "c1", "--runs", "1", "--script", "/dev/full", "--", GOOD)
    assert ended.returncode == 5
    assert re.search(r"error: cannot write the script /dev/full: No space left on device", ended.stderr)
