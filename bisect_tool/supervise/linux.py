"""Three system calls that the standard library lacks."""

from __future__ import annotations

import ctypes
import os

_PR_SET_CHILD_SUBREAPER = 36
_FALLOC_FL_KEEP_SIZE, _FALLOC_FL_PUNCH_HOLE = 0x01, 0x02
_IN_MOVED_TO, _IN_CREATE = 0x80, 0x100
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Make every orphan below this process its child (prctl(2)). Raises OSError."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def watch_folder(folder: str) -> int:
    """Return a descriptor that is readable when an entry appears (inotify(7)); -1 if unavailable."""
    descriptor: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return -1
    if _libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_CREATE | _IN_MOVED_TO) < 0:
        os.close(descriptor)
        return -1
    return descriptor


def punch_hole(path: str, start: int, stop: int) -> None:
    """Free the disk space of these bytes of a file, which then read as zeros (fallocate(2)).

    The size stays, and writers are not disturbed. Nothing happens on file systems without holes.
    """
    mode = _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE
    with open(path, "r+b") as file:  # noqa: PTH123
        _libc.fallocate(file.fileno(), mode, ctypes.c_int64(start), ctypes.c_int64(stop - start))
