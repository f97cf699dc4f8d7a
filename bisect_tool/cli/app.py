"""The entry point `bisect-run`: every outcome, including a crash, has its own exit code.

`git bisect run` takes codes 1 to 124 as a bad commit, so no failure of ours may end with Python's code 1.
Imports that could fail are inside functions.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from itertools import takewhile

from bisect_tool.errors import ExitCode, StepCode


def main(arguments: list[str] | None = None) -> None:
    """Run a command line (`run` if it names no command) and end the process with its exit code."""
    arguments = _normalise(sys.argv[1:] if arguments is None else arguments)
    code = _run(arguments)
    stepping = arguments[:1] == ["step"]
    sys.exit(StepCode.ABORT if stepping and code not in set(StepCode) else code)


def _normalise(arguments: list[str]) -> list[str]:
    """Return the arguments with `run` before options without a command, and with -v after the command."""
    verbose = list(takewhile(lambda word: word in ("-v", "--verbose"), arguments))
    first, *rest = arguments[len(verbose) :] or ["--help"]
    if first.startswith("-") and first not in ("--help", "--version"):
        return ["run", *arguments]
    return [first, *verbose, *rest]


def _run(arguments: list[str]) -> int:
    try:
        from bisect_tool.cli.dispatch import dispatch

        return dispatch(arguments)
    except KeyboardInterrupt:  # nothing has been started yet
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no caller could handle it
        with suppress(Exception):  # stderr may be closed or full
            traceback.print_exc()
            sys.stderr.flush()
        return ExitCode.ENVIRONMENT if isinstance(error, ImportError) else ExitCode.BUG
