"""Help, the version and usage errors import nothing that only running a command needs."""

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
    "bisect_tool.results",
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
import sys
from bisect_tool.cli.app import main
try:
    main(sys.argv[1:])
finally:
    print(*(name for name in {(*HEAVY, CONVERTS)!r} if name in sys.modules), file=sys.stderr)
"""


def test_declaring_the_commands_imports_nothing_that_they_run():
    argv = [sys.executable, "-c", DECLARE]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(len(command_line().registered_commands))]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("run --help", 0),
        ("nightly --help", 0),
        ("scenarios show --help", 0),
        ("no-such-command", 2),
        ("run --no-such-option", 2),
        ("plan --good", 2),
    ],
)
def test_help_and_unreadable_lines_import_nothing_heavy(line, code):
    assert imported(line, code) == set()


@pytest.mark.parametrize(
    "line",
    [
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
    ],
)
def test_contradicting_options_import_only_what_converts_them(line):
    assert imported(line, 2) <= {CONVERTS}


def imported(line, code):
    """The heavy modules that a command line imports, which ends with this exit code."""
    argv = [sys.executable, "-c", RUN, *line.split()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return set(done.stderr.splitlines()[-1].split())
