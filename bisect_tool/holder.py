"""Describe the process that holds a lock, for messages."""

from __future__ import annotations

from datetime import datetime

import psutil


def describe(pid: int) -> str:
    """A process as a person looks for it: `pid 4711, since 17:05:31`; without a time where it has ended."""
    try:
        started = datetime.fromtimestamp(psutil.Process(pid).create_time()).astimezone()
    except psutil.Error:
        return f"pid {pid}"
    return f"pid {pid}, since {started:%H:%M:%S}"
