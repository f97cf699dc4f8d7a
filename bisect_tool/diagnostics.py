"""Write the diagnostic log: decisions with their reasons, commands with their times, errors not raised.

Modules log with `logging.getLogger("bisect_run.<area>")`. A session's log is `bisect-run.log` in its folder.
"""

from __future__ import annotations

import logging
import os
import shlex
import time
from collections import deque
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean, clean_line, redact, secret_values
from bisect_tool.supervise.files import open_to_append
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LOGGER = logging.getLogger("bisect_run")
LOGGER.addHandler(logging.NullHandler())  # without any handler, Python prints warnings to stderr
LOG_FILE = "bisect-run.log"
VARIABLE = "BISECT_RUN_LOG_LEVEL"
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_RECORD_LIMIT = 16_000  # characters
_ARGUMENTS_LOGGED = 50
_LINES_LOGGED = 20
_FILE_LIMIT = 4 << 20  # bytes; two such files are kept
_EARLY_LIMIT = 1000


def set_level(environ: Mapping[str, str]) -> None:
    """Set the log level to that of BISECT_RUN_LOG_LEVEL; everything is logged by default.

    Raises:
        UsageError: there is no such level.
    """
    name = environ.get(VARIABLE, "").strip().lower() or "debug"
    if name not in _LEVELS:
        raise UsageError(f"invalid {VARIABLE}: {clean_line(name, 80)!r}", f"Use one of {', '.join(_LEVELS)}.")
    LOGGER.setLevel(_LEVELS[name])


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record what is logged inside the block; log files are closed at its end.

    Meanwhile no other handler of the process gets the records, because their text is not sanitised.
    """
    recorder = Recorder()
    LOGGER.addHandler(recorder)
    LOGGER.propagate = False
    try:
        yield recorder
    finally:
        LOGGER.setLevel(logging.NOTSET)
        LOGGER.propagate = True
        for handler in LOGGER.handlers[:]:
            if not isinstance(handler, logging.NullHandler):
                LOGGER.removeHandler(handler)
                handler.close()


def open_log(folder: Path) -> None:
    """Log to this session's folder from now on, if inside `recording`."""
    for handler in LOGGER.handlers:
        if isinstance(handler, Recorder):
            handler.open(folder / LOG_FILE)


def log_command(
    logger: logging.Logger, argv: Sequence[str], code: int | None, started: float, output: str = ""
) -> None:
    """Log a command that ended.

    Args:
        logger: Where to log it.
        argv: The command.
        code: Its exit code, negative for a signal; None if it was stopped at its deadline.
        started: When it started, by the monotonic clock.
        output: What it printed about its failure.
    """
    ended = "timed out" if code is None else f"exit code {code}"
    # Whole words and lines: a part of a secret would not be masked.
    command_line = shlex.join(argv[:_ARGUMENTS_LOGGED]) + (" ..." if len(argv) > _ARGUMENTS_LOGGED else "")
    details = "".join(f": {line}" for line in output.splitlines()[:_LINES_LOGGED])
    logger.debug("%s: %s, %.3f s%s", command_line, ended, time.monotonic() - started, details)


class Recorder(logging.Handler):
    """Writes records to the open logs; until one is opened, it keeps the last records for it.

    Only the process that holds a session's lock opens its log, so no other process writes to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[Path, _LogFile] = {}
        self._early: deque[logging.LogRecord] = deque(maxlen=_EARLY_LIMIT)

    @property
    def path(self) -> Path | None:
        """The log opened last; None if there is none."""
        return next(reversed(self._files), None)

    def open(self, path: Path) -> None:
        """Append to a log; if it cannot be opened, the session continues without one."""
        if path in self._files:
            return
        try:
            file = _LogFile(path)
        except OSError as error:
            LOGGER.warning("cannot write %s: %s", path, error)
            return
        self.acquire()
        try:
            self._files[path] = file
            while self._early:
                file.handle(self._early.popleft())
        finally:
            self.release()

    def repeat(self, handler: logging.Handler) -> None:
        """Give another handler the records that are kept."""
        for record in self._early:
            handler.handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or keep it."""
        for file in self._files.values():
            file.handle(record)
        if not self._files:
            self._early.append(record)

    def close(self) -> None:
        """Close the logs."""
        for file in self._files.values():
            file.close()
        super().close()


class _LogFile(logging.FileHandler):
    """Appends to a log; a full one is renamed to `bisect-run.log.1`, which is replaced.

    Only a regular file is opened: a trial may have put a pipe or a link there.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(Formatter())

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_to_append(Path(self.baseFilename)), "utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, into a new file if this one is full."""
        try:
            if self.stream is not None and self.stream.tell() >= _FILE_LIMIT:
                self._rotate(self.stream)
        except (OSError, ValueError):  # the old file is continued, or nothing can be written
            self.handleError(record)
        super().emit(record)

    def _rotate(self, full: TextIO) -> None:
        try:
            full.close()
            Path(self.baseFilename).replace(f"{self.baseFilename}.1")
        finally:
            self.stream = self._open()

    def close(self) -> None:
        """Close the file; what cannot be written is lost."""
        with suppress(OSError):  # the disk is full: there is nowhere to report it
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drop a record that cannot be written, for example because the disk is full."""


class Formatter(logging.Formatter):
    """`2026-03-06T14:23:59.123Z DEBUG bisect_run.git [slot 0] git rev-parse HEAD: exit code 0, 0.004 s`.

    Control characters are removed and secrets masked. Further lines of a record are indented, so that no
    record can be forged.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s")
        self._secrets = secret_values(with_write_tokens(os.environ))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """The time in UTC, with milliseconds."""
        time = datetime.fromtimestamp(record.created, UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        """One record, bounded."""
        text = redact(clean(super().format(record)[: 2 * _RECORD_LIMIT]), self._secrets)
        if len(text) > _RECORD_LIMIT:
            text = f"{text[:_RECORD_LIMIT]}…"
        return text.replace("\n", "\n    ")
