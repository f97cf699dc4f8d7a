"""Starting and ending processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

SPAWN = multiprocessing.get_context("spawn")
SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def start(process: BaseProcess) -> None:
    """Start a process; a signal that comes meanwhile acts afterwards.

    A start that is cut off leaves a child without instructions, which ends with a traceback.
    """
    came: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)

    handlers = {signum: signal.signal(signum, note) for signum in SIGNALS}
    try:
        process.start()
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
    for number in came:
        signal.raise_signal(number)


def shutdown(processes: Sequence[BaseProcess]) -> None:
    """SIGTERM to all, then SIGKILL to what is still there after a while."""
    terminate(processes)
    deadline = time.monotonic() + GRACE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def terminate(processes: Sequence[BaseProcess]) -> None:
    """SIGTERM to those which still run."""
    for process in processes:
        if process.is_alive():
            process.terminate()


def exit_on_signal() -> None:
    """SIGTERM and SIGINT raise SystemExit(0), once: what follows is clean-up, and must not be disturbed."""
    requested = False

    def handle(_signum: int, _frame: FrameType | None) -> None:
        nonlocal requested
        if not requested:
            requested = True
            raise SystemExit(0)

    for signum in SIGNALS:
        signal.signal(signum, handle)


def wake_up_on_signal() -> int:
    """A file descriptor that is readable from the first signal on, for loops that poll.

    A handler alone cannot end a poll that begins just after the signal came.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def follow_parent() -> None:
    """End this process in an orderly way when its parent has gone without a word."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="follow-parent").start()
