"""Hold file locks (flock(2)), which child processes can inherit: the lock is held until the last has ended.

Ports and GPUs are held in another way (`supervise/held_ports.py`): they belong to the machine, not to one
home, and a lock file would need a folder that every user can write to.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.processes import describe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_POLL_S = 0.05
_log = logging.getLogger("bisect_run.file_lock")


class LeaseCancelledError(Exception):
    """The wait for a lock was cancelled."""


class LocksUnsupported(EnvironmentFailed):
    """The filesystem has no file locks (some network filesystems), or its lock server does not answer."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"files in {path.parent} cannot be locked: {error.strerror}",
            "Set BISECT_RUN_HOME to a directory on a local disk.",
        )


@contextmanager
def lease(
    path: Path,
    wait_s: float,
    busy: str,
    on_wait: Callable[[str], None],
    cancel: threading.Event | None = None,
) -> Iterator[int]:
    """Hold the file lock `path`; yields its descriptor, which child processes can inherit.

    If this process is killed, a git that still runs keeps the lock until it has ended, so no other process
    repairs what it is writing. The locks of the package `filelock` do not provide that.

    Args:
        path: The lock file.
        wait_s: How many seconds to wait for it.
        busy: A sentence that says what another run does while it holds the lock.
        on_wait: Called with `busy` and the holder before waiting, unless this process is the holder.
        cancel: Ends the wait when set.

    Raises:
        EnvironmentFailed: another process still holds it after `wait_s` seconds; the message names it.
        LeaseCancelledError: `cancel` was set while waiting.
    """
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + wait_s
        announced = False
        while not _try_lock(descriptor, path):
            holder = _holder(descriptor)
            who = f"{busy} ({describe(holder) if holder else 'just started'})"
            if wait_s and not announced and holder != os.getpid():
                on_wait(f"waiting: {who}")
                announced = True
            if cancel is not None and cancel.is_set():
                raise LeaseCancelledError
            if time.monotonic() > deadline:
                raise EnvironmentFailed(
                    who,
                    f"Wait for it to end, or set BISECT_RUN_HOME to another directory. The lock is {path}.",
                )
            time.sleep(_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    """The pid that the holder wrote into the file; None if it has only just acquired the lock."""
    written = os.pread(descriptor, 20, 0)
    return int(written) if written.isdigit() else None


@contextmanager
def try_lock(path: Path) -> Iterator[int | None]:
    """Hold the file lock `path` if it is free; yields its descriptor like `lease`, else None."""
    descriptor = _open(path)
    try:
        yield descriptor if _try_lock(descriptor, path) else None
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds the file lock `path` exclusively; nothing is written.

    Where the filesystem has no locks, none does: no session starts there, but stored ones can be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        return False
    try:
        return not _try_lock(descriptor, path, fcntl.LOCK_SH)
    except LocksUnsupported as error:
        _log.info("%s", error)
        return False
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: Path, wait_s: float, busy: str) -> Iterator[None]:
    """Hold the file lock `path` as a shared lock.

    Raises:
        EnvironmentFailed: another process still holds it exclusively after `wait_s` seconds.
    """
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor, path, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise EnvironmentFailed(busy, f"Wait for it to end. The lock is {path}.")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def first_free(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    """Hold the first of these locks that is free; yields its path, and its descriptor like `lease`.

    Raises:
        EnvironmentFailed: all of them are held.
    """
    for path in paths:
        with try_lock(path) as descriptor:
            if descriptor is not None:
                yield path, descriptor
                return
    raise EnvironmentFailed("all worktrees are in use by other runs", "Wait for one of them to end.")


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        # Its holder writes into it: in a directory that others can write to, a link may lead to any file.
        raise EnvironmentFailed(f"the lock {path} is a symbolic link", "Remove it.") from None


def _try_lock(descriptor: int, path: Path, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise LocksUnsupported(path, error) from error
    return True
