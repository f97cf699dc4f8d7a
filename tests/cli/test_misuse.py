"""A command line that cannot be parsed ends with 2 and a message, with any click that Typer bundles."""

import subprocess
import sys

import pytest

WITHOUT_CLICK = (
    "import sys; sys.modules['click'] = None; from bisect_tool.cli.app import main; main(sys.argv[1:])"
)


def run(*arguments):
    argv = [sys.executable, "-c", WITHOUT_CLICK, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--good", "a"],
        ["run", "--good", "a", "--bad", "b", "--no-such-option"],
        ["no-such-command"],
        ["scenarios", "no-such-command"],
        ["run", "--good", "a", "--bad", "b", "--endpoint-runs", "0"],
    ],
)
def test_misuse_ends_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_no_arguments_print_the_help():
    done = run()
    assert done.returncode == 0
    assert "Commands:" in done.stdout
