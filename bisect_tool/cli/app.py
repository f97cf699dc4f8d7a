"""The entry point `bisect-run`: whatever happens ends with an exit code that says so.

To `git bisect run`, 1 to 124 means a bad commit, so no failure of ours may leave as Python's own exit code 1.
Everything that could fail is imported inside.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from itertools import takewhile

from bisect_tool.errors import ExitCode, StepCode


def main(arguments: list[str] | None = None) -> None:
    """Run a command line (`run` if it names no command) and end the process with its exit code."""
    words = _command_first(sys.argv[1:] if arguments is None else arguments)
    code = _run(words)
    stepping = words[:1] == ["step"]
    sys.exit(StepCode.ABORT if stepping and code not in set(StepCode) else code)


def _command_first(words: list[str]) -> list[str]:
    """The words with `run` before options that have no command, and -v after the command."""
    verbose = list(takewhile(lambda word: word in ("-v", "--verbose"), words))
    first, *rest = words[len(verbose) :] or ["--help"]
    if first.startswith("-") and first not in ("--help", "--version"):
        return ["run", *words]
    return [first, *verbose, *rest]


def _run(words: list[str]) -> int:
    try:
        from bisect_tool.cli.dispatch import dispatch

        return dispatch(words)
    except KeyboardInterrupt:  # before there is anything to end
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nothing is left that could handle it
        with suppress(Exception):  # stderr may be closed or full
            traceback.print_exc()
            sys.stderr.flush()
        return ExitCode.ENVIRONMENT if isinstance(error, ImportError) else ExitCode.BUG
