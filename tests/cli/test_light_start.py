"""Help, the version and usage errors import nothing that only running a command needs."""

import json
import subprocess
import sys

import pytest

from bisect_tool.cli.dispatch import command_line

HEAVY = (
    "git",
    "jinja2",
    "numpy",
    "psutil",
    "pynvml",
    "pytest",
    "requests",
    "sqlite3",
    "bisect_tool.checks",
    "bisect_tool.evidence",
    "bisect_tool.executor",
    "bisect_tool.git",
    "bisect_tool.mode",
    "bisect_tool.planner",
    "bisect_tool.request",
    "bisect_tool.json_document",
    "bisect_tool.scenario",
    "bisect_tool.search",
    "bisect_tool.session",
    "bisect_tool.trial",
)
"""What commands run."""
CONVERTS = "pydantic"
"""Newer versions of Typer import it to convert values; where there is none to convert, it is not needed."""
DECLARE = f"""
import sys
from bisect_tool.cli.dispatch import command_line
app = command_line()
print(len(app.registered_commands), *(name for name in {HEAVY!r} if name in sys.modules))
"""
RUN = f"""
import json, os, sys
from bisect_tool.cli.app import main

def run(line):
    try:
        main(line.split())
    finally:
        print(*(name for name in {(*HEAVY, CONVERTS)!r} if name in sys.modules), file=sys.stderr, flush=True)

ended = {{}}
for number, line in enumerate(json.load(sys.stdin)):
    with open(f"{{number}}", "wb+") as file:
        pid = os.fork()
        if pid == 0:
            os.dup2(file.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            run(line)  # ends with SystemExit
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        file.seek(0)
        ended[line] = code, file.read().decode()
print(json.dumps(ended))
"""
"""Runs each line in a fork of a process that has only imported the command line."""
READABLE = {
    "--version": 0,
    "--help": 0,
    "run --help": 0,
    "nightly --help": 0,
    "scenarios show --help": 0,
    "no-such-command": 2,
    "run --no-such-option": 2,
    "plan --good": 2,
}
CONTRADICTING = (
    "--good a",
    "run --bad a --cells b -- true",
    "run --bad a --endpoint-runs 0",
    "plan --bad a -- true",
    "repro",
    "repro a --scenario=",
    "fixes --at a --python b",
    "explain a.log --json --markdown",
    "report --json --markdown",
    "triage page.html --json --markdown",
    "demo --flaky --order",
    "demo --order --gpu",
    "simulate --cases a",
)


def test_declaring_commands_imports_nothing_that_they_run():
    argv = [sys.executable, "-c", DECLARE]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(len(command_line().registered_commands))]


@pytest.mark.parametrize(("line", "code"), READABLE.items())
def test_help_and_unreadable_lines_import_nothing_heavy(imported, line, code):
    assert imported(line, code) == set()


@pytest.mark.parametrize("line", CONTRADICTING)
def test_contradicting_options_import_only_what_converts_them(imported, line):
    assert imported(line, 2) <= {CONVERTS}


@pytest.fixture
def imported(once, tmp_path):
    """A function: a command line and its expected exit code -> the heavy modules that it imports."""

    def run_all():
        lines = json.dumps([*READABLE, *CONTRADICTING])
        argv = [sys.executable, "-c", RUN]
        return subprocess.run(
            argv, cwd=tmp_path, input=lines, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    def imported_by(line, code):
        ended, stderr = json.loads(once("light-start.json", run_all))[line]
        assert ended == code, stderr
        assert "Traceback" not in stderr
        return set(stderr.splitlines()[-1].split())

    return imported_by
