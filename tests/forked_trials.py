"""Guardians and pytest in processes that are forked from a session, which has imported them.

A session's server of guardians is a fork of the session, and `python -m pytest` in a trial is a fork of its
guardian: to start and to import takes most of the CPU time of a short trial. What a start by `exec` adds is
tested in the demo, with `Project.start` of tests/session, and in tests/trial and tests/faults.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import logging
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from _pytest.assertion.rewrite import AssertionRewritingHook
from _pytest.config import default_plugins

import bisect_tool
from bisect_tool.pytest_plugin import host
from bisect_tool.supervise import fork_server, forked_guardian, guardian, program
from bisect_tool.trial import cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

_MODULES = ("pytest", "compileall", "refengine")
_ENGINE_S = ("msgspec", "multiprocessing.shared_memory", "starlette.applications", "uvicorn.main", "zmq")
_FORKS_ENGINE = Path(__file__).parent / "cli" / "fork_engine_processes"
_PLUGIN = "bisect_tool.pytest_plugin.fixtures"
_KEPT = (sys.prefix, sys.base_prefix, Path(bisect_tool.__file__).parent)
_HOLD_NO_LOCK = {"MainThread", "interrupt"}
_STREAMS = ("stdin", "r"), ("stdout", "w"), ("stderr", "w")

_left: list[object] = []
"""What would close descriptors of ours if it were collected."""


def import_engine_libraries() -> None:
    """Import here what the reference engine imports of others; its own modules are those of a commit."""
    for name in _ENGINE_S:
        importlib.import_module(name)


def fork_trials(patch: pytest.MonkeyPatch) -> None:
    """Fork servers of guardians, pytest, and the engine's processes if its PYTHONPATH requests it."""
    fork_listing_of_cells(patch)
    patch.setattr(fork_server.SERVER, "_serve", _serve, raising=False)
    patch.setattr(host, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": _popen}))


def fork_listing_of_cells(patch: pytest.MonkeyPatch) -> None:
    """Fork the pytest that lists the cells of a suite."""
    import_pytest()
    patch.setattr(cells, "subprocess", SimpleNamespace(**vars(subprocess) | {"run": _run}))


@cache
def import_pytest() -> None:
    """Import here, once, what a forked pytest needs."""
    for name in (*(f"_pytest.{name}" for name in default_plugins), "compileall"):
        importlib.import_module(name)


class _Fork:
    """A forked process, with what is needed of Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended: int | None = None

    def poll(self) -> int | None:
        if self._ended is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self._ended = os.waitstatus_to_exitcode(ended[1])
        return self._ended

    def wait(self, timeout: float) -> int:
        pidfd = os.pidfd_open(self.pid)
        try:
            if not select.select([pidfd], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a fork of the session", timeout)
        finally:
            os.close(pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _can_fork() -> bool:
    """Whether no other thread can hold a lock, which a fork would never release."""
    return {thread.name for thread in threading.enumerate()} <= _HOLD_NO_LOCK


def _serve() -> socket.socket:
    """As `ForkServer._serve`."""
    server = fork_server.SERVER
    if not _can_fork():
        return fork_server.ForkServer._serve(server)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        pid = os.fork()
        if pid == 0:
            _be_server(theirs.fileno())
    server._process = _Fork(pid)
    return ours


def _run(argv: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run`; all output is that of stdout."""
    if not _can_fork():
        return subprocess.run(argv, **how)  # noqa: PLW1510 - it is among them
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            _be_program(argv, how["cwd"], how["env"], output.fileno())
        try:
            code = _Fork(pid).wait(how["timeout"])
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        output.seek(0)
        return subprocess.CompletedProcess(argv, code, output.read().decode(), "")


def _popen(argv: Sequence[str], **how: Any) -> subprocess.Popen[bytes] | _Fork:
    """As `subprocess.Popen` of an engine.

    That of the GPU's memory is not: its worker leaves its rank by a fork, and the larger the process, the
    more often does the suite see it leave, and ends it.
    """
    forks = str(_FORKS_ENGINE) in how["env"].get("PYTHONPATH", "") and "--gpu-memory-utilization" not in argv
    if not (forks and _can_fork()):
        return subprocess.Popen(argv, **how)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _be_program(argv, ".", how["env"], how["stdout"])
    return _Fork(pid)


def _be_program(argv: Sequence[str], folder: str, env: Mapping[str, str], output: int) -> NoReturn:
    try:
        _forget_the_session()
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(descriptor, number)
        os.chdir(folder)
        _execute(argv, env)
    finally:
        os._exit(70)


def _be_server(requests: int) -> NoReturn:
    try:
        os.setsid()
        os.dup2(requests, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        _forget_the_session()
        guardian.execute = _execute
        forked_guardian.main()
    except BaseException:  # noqa: BLE001 - nothing may return to the session
        traceback.print_exc()
    finally:
        os._exit(0)


def _forget_the_session() -> None:
    faulthandler.disable()
    _left.extend(logging._handlers.values())
    for handlers in (logging._handlers, logging._handlerList, logging.root.handlers):
        handlers.clear()
    logging.getLogger("bisect_run").handlers.clear()
    atexit._clear()
    for at_end in (logging.shutdown, util._exit_function):
        atexit.register(at_end)
    util._finalizer_registry.clear()
    weakref.finalize._registry.clear()
    weakref.finalize._registered_with_atexit = False
    forkserver._forkserver.__init__()
    resource_tracker._resource_tracker.__init__()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _execute(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """As `program.execute`, but a Python module of this interpreter runs in this process."""
    python, *words = argv
    module = words[words.index("-m") + 1] if "-m" in words[:2] else ""
    if python != sys.executable or module not in _MODULES:
        program.execute(tuple(argv), env)
    code: int | str | None = 70
    try:
        _begin_anew(words, env)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - nothing may return to the guardian
        traceback.print_exc()
        code = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        os._exit(code if isinstance(code, int) else int(code is not None))


def _begin_anew(words: Sequence[str], env: Mapping[str, str]) -> None:
    """Set what Python sets at its start; nothing of the tests is left on its path or among its modules."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    _left.extend((*sys.modules.values(), sys.stdin, sys.stdout, sys.stderr))
    for number, (name, mode) in enumerate(_STREAMS):
        setattr(sys, name, os.fdopen(number, mode, 1 if number else -1, errors="backslashreplace"))
    tempfile.tempdir = None
    sys.dont_write_bytecode = "-B" in words
    sys.argv = ["", *words[words.index("-m") + 2 :]]
    named = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [str(Path.cwd()), *named, *(place for place in sys.path if _is_kept(place))]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        places = [file] if file else [*getattr(module, "__path__", ())]  # of a namespace package
        if name == _PLUGIN or not all(map(_is_kept, places)):
            del sys.modules[name]
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, AssertionRewritingHook)]
    importlib.invalidate_caches()
    if find_spec("sitecustomize"):
        importlib.import_module("sitecustomize")
    if "refengine" in words:
        util.spawnv_passfds = _spawn
        forkserver._forkserver.ensure_running()


def _spawn(_path: str, argv: Sequence[str], descriptors: Sequence[int]) -> int:
    """As of multiprocessing, which starts its servers with a line of Python."""
    pid = os.fork()
    if pid == 0:
        try:
            kept = sorted({0, 1, 2, *descriptors})
            for before, after in pairwise((*kept, os.sysconf("SC_OPEN_MAX"))):
                os.closerange(before + 1, after)
            gc.freeze()
            exec(argv[-1])  # noqa: S102
        except SystemExit:
            pass
        except BaseException:  # noqa: BLE001 - nothing may return to the engine
            traceback.print_exc()
        finally:
            os._exit(0)
    return pid


def _is_kept(place: str) -> bool:
    return any(Path(place).is_relative_to(folder) for folder in _KEPT)
