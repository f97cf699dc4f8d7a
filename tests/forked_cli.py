"""The command line in a process that is forked from the tests', which have its modules already.

To import them takes longer than most sessions of these tests, and so does what is compiled at first use. What
a start by `exec` adds is tested with `Project.start` of tests/session and in tests/cli.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import select
import signal
import sys
import tempfile
import traceback
import warnings
from functools import cache
from typing import TYPE_CHECKING, NoReturn
from unittest import mock

import forked_trials
import numpy as np
import pytest

import bisect_tool
from bisect_tool.cli import app, dispatch
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.git import plumbing
from bisect_tool.supervise.fork_server import SERVER, ForkServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_ELSEWHERE = (
    "bisect_tool.pytest_plugin.stream.",
    "bisect_tool.executor.ray.",
    "bisect_tool.supervise.forked_guardian",
)
_STREAMS = (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1))
"""Their modes and buffers: Python writes each line of stderr at once."""
_NOT_FLUSHED = 120
"""What Python ends with if it cannot write the rest of stdout."""
_GUARDIANS = ForkServer()
atexit.register(_GUARDIANS.close)


def run_forked(
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    limit_s: float,
    *,
    stdout: int | None = None,
    stderr: int | None = None,
) -> tuple[int, str, str]:
    """The exit code of a command line, negative for a signal, and its stdout and stderr.

    It writes to the given descriptors instead, if any.

    Raises:
        TimeoutError: It did not end within `limit_s`, and was killed.
    """
    server = server_of_guardians() if _has_command(words) else None
    process = Forked(words, folder, env, stdout=stdout, stderr=stderr, server=server)
    outputs = process.communicate(limit_s)
    return process.returncode, *outputs


class Forked:
    """A command line that runs in a forked process, a group of its own. The caller waits for its end.

    `main` is what runs with its words, and ends with SystemExit. It starts a server of guardians of its own,
    which ends with it, unless it is given one of the tests.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        main: Callable[[list[str]], object] = app.main,
        server: ForkServer | None = None,
    ) -> None:
        _load_all()
        self.returncode: int | None = None
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - `communicate` closes them
        out, err = (file.fileno() for file in self._files)
        written = (out if stdout is None else stdout, err if stderr is None else stderr)
        self.pid = os.fork()
        if self.pid == 0:
            SERVER._requests = server and server._requests
            _become(main, words, folder, env, (os.open(os.devnull, os.O_RDONLY), *written))

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end, once; returns its stdout and stderr.

        Raises:
            TimeoutError: It did not end in time, and was killed.
        """
        try:
            _wait(self.pid, timeout)
        finally:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        out, err = self._files
        with out, err:
            return _written(out), _written(err)

    def end(self) -> None:
        """Kill it unless its end was waited for."""
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.communicate(60)


def server_of_guardians() -> ForkServer:
    """The server of all sessions that no test kills: starting another takes as long as a trial."""
    with mock.patch.dict(os.environ, clear=True):  # it is no process of the test that happens to be the first
        return _GUARDIANS.__enter__()


def _has_command(words: Sequence[str]) -> bool:
    """Whether a command is what trials run. Its guardians are forked faster from a small process."""
    return "--" in words


@cache
def _load_all() -> None:
    """Do once in this process what commands do late: imports, parsers, the patterns of log lines.

    What is imported is the whole package, but for what runs inside other programs or on Ray.
    """
    for module in pkgutil.walk_packages(bisect_tool.__path__, "bisect_tool."):
        if not module.name.startswith(_ELSEWHERE):
            importlib.import_module(module.name)
    np.random.default_rng(), np.unique([0])  # numpy imports parts of itself late
    dispatch._program = cache(dispatch._program)  # a tenth of the time of a short session
    for name in dispatch._COMMANDS:
        with dispatch._program(name).commands[name].make_context(name, [], resilient_parsing=True):
            pass
    PATTERNS.recognise("")
    plumbing._gitpython()
    forked_trials.import_pytest()
    gc.freeze()  # as after the collection of tests


def _wait(pid: int, limit_s: float) -> None:
    pidfd = os.pidfd_open(pid)
    try:
        if not select.select([pidfd], [], [], limit_s)[0]:
            os.kill(pid, signal.SIGKILL)
            raise TimeoutError(f"still running after {limit_s} s")
    finally:
        os.close(pidfd)


def _become(
    main: Callable[[list[str]], object],
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    streams: tuple[int, ...],
) -> NoReturn:
    """Become the program in this process: it has none of the tests' state, and never returns."""
    code: int | str | None = 70
    try:
        _forget_the_tests(folder, env, streams)
        if not _has_command(words):
            forked_trials.fork_trials(pytest.MonkeyPatch())
        main(list(words))
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - nothing may return to the tests
        traceback.print_exc()
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        code = _NOT_FLUSHED
    finally:
        os._exit(code if isinstance(code, int) else 70)


def _forget_the_tests(folder: Path, env: Mapping[str, str], streams: tuple[int, ...]) -> None:
    os.setsid()
    SERVER._process = None  # it is not ours to wait for
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    kept = SERVER._requests.fileno() if SERVER._requests else 3
    os.closerange(3, kept)
    os.closerange(kept + bool(SERVER._requests), os.sysconf("SC_OPEN_MAX"))
    gc.freeze()  # an open file of the tests that is collected here would close a descriptor of ours
    for number, (name, mode, buffering) in enumerate(_STREAMS):
        setattr(sys, name, os.fdopen(number, mode, buffering, encoding="utf-8", errors="backslashreplace"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for number in (signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    atexit._clear()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


def _written(file: object) -> str:
    file.seek(0)
    return file.read().decode()
