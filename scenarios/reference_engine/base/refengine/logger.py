"""Log lines in vLLM's form: `(EngineCore_DP1 pid=15707) INFO 11-23 07:56:00 [core.py:12] message`."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
from typing import TextIO

PR_SET_NAME = 15  # linux/prctl.h


class LineFormatter(logging.Formatter):
    """The head of a record stands before every one of its lines."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = self.formatTime(record, "%m-%d %H:%M:%S")
        head = f"{record.levelname} {stamp} [{record.filename}:{record.lineno}] "
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return "\n".join(head + line for line in text.splitlines())


class PrefixedStream(io.TextIOBase):
    """Writes whole lines, each with a prefix and in one piece: several processes share the file."""

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self._stream, self._prefix, self._partial = stream, prefix, ""

    def write(self, text: str) -> int:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._stream.write(f"{self._prefix}{line}\n")
        if lines:
            self._stream.flush()
        return len(text)

    def fileno(self) -> int:
        return self._stream.fileno()

    def flush(self) -> None:
        self._stream.flush()


class CurrentStdout(logging.Handler):
    """Writes to what `sys.stdout` is at that moment, so that a later prefix holds."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(self.format(record) + "\n")
        sys.stdout.flush()


def get_logger(name: str) -> logging.Logger:
    """The logger of a module."""
    root = logging.getLogger("refengine")
    if not root.handlers:
        handler = CurrentStdout()
        handler.setFormatter(LineFormatter())
        root.addHandler(handler)
        root.setLevel(os.environ.get("REFENGINE_LOGGING_LEVEL", "INFO"))
        root.propagate = False
    return logging.getLogger(name)


def prefix_output(role: str) -> None:
    """Put `(role pid=N)` before every line which this process writes from now on."""
    prefix = f"({role} pid={os.getpid()}) "
    sys.stdout, sys.stderr = PrefixedStream(sys.stdout, prefix), PrefixedStream(sys.stderr, prefix)


def name_process(role: str) -> None:
    """Show the role in process lists, where the kernel lets us (15 bytes)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, role.encode()[:15], 0, 0, 0)
