"""A lock that lasts as long as anyone still works under it, our own children included."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_POLL_S = 0.05


@contextmanager
def lease(path: Path, wait_s: float, busy: str) -> Iterator[int]:
    """Hold the file lock `path`; yields its descriptor, to be inherited by the children that work under it.

    A git that outlives us after a SIGKILL keeps the lock until it has ended, so that nobody repairs what
    it is still writing. That is what a lock file of our own process alone (`filelock`) cannot give.

    Raises:
        EnvironmentFailed: someone else still holds it after `wait_s` seconds; `busy` is the message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EnvironmentFailed(
                    busy,
                    f"Wait for it, or set BISECT_RUN_HOME to another folder. The lock is {path}.",
                )
            time.sleep(_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def first_free(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    """Hold the first of these locks that nobody holds; yields it, and its descriptor as `lease` does.

    Raises:
        EnvironmentFailed: all of them are held.
    """
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if _try_lock(descriptor):
                yield path, descriptor
                return
        finally:
            os.close(descriptor)
    raise EnvironmentFailed("other runs hold every worktree there is", "Wait for one of them to end.")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
