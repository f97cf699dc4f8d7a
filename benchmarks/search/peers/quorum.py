"""git_bisectlib in process: its own `test`, with its README's quorum for a flaky test, under git's search.

Its plain `test(command)` is one run, and its `test(command, attempts=5)` is bad at the first failure of five:
what `git bisect run` does with the checkers `single` and `any-fail-of-5`.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bisectlib

from benchmarks.search.peers import git
from benchmarks.search.peers.exchange import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.search.problem import Outcome, Problem

_BOOKKEEPING = ("_arm", "_echo_start", "_begin_step", "_record_step", "_echo_result")


def solve(problem: Problem) -> Outcome:
    """Bisect with git's choice of commits; the library judges each commit."""
    return git.solve(problem, _bad)


def _bad(fails: Callable[[], bool]) -> bool:
    bisectlib._exec = lambda *_: bisectlib.Result(int(fails()), "", 0.0)  # noqa: SLF001
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            bisectlib.test("the flaky test", **git.QUORUM)
        except SystemExit as decided:
            return bool(decided.code == bisectlib.BAD)
    return False


def _without_repository() -> None:
    """Disable what the library writes into the current repository, which is that of the benchmarks."""
    atexit.unregister(bisectlib._finalize)  # noqa: SLF001
    sys.excepthook = sys.__excepthook__
    for name in _BOOKKEEPING:
        setattr(bisectlib, name, lambda *_, **__: None)
    bisectlib._commit_log_dir = Path  # noqa: SLF001


if __name__ == "__main__":
    _without_repository()
    serve(solve)
