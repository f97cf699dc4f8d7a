"""The only module that writes to the terminal: results on stdout, progress and messages on stderr.

Broken pipes, closed descriptors and full disks are handled here, and so are log lines that a CI runner would
execute as commands.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, TextIO, cast

from rich.console import Console, Group

from bisect_tool.terminal.whole_writes import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType

# Without a terminal, or with COLUMNS=0, the width is unknown: this is enough for tables in a CI log.
_UNKNOWN_WIDTH = 120


@cache
def stdout() -> Console:
    """Return the console of stdout, for results."""
    return _console(stderr=False)


@cache
def stderr() -> Console:
    """Return the console of stderr, for progress and messages."""
    return _console(stderr=True)


def show(renderable: RenderableType) -> None:
    """Print a view on stdout; commands and paths run past the width unbroken, so that they can be copied."""
    console = stdout()
    with console.capture() as paper:
        # `print` splits a lone Text, which would lose its no_wrap; a Group keeps it.
        console.print(Group(renderable), crop=False)
    # Tables pad their lines with spaces, which are useless in a file or a CI log.
    lines = paper.get() if console.is_terminal else _PADDING.sub("", paper.get())
    _put(console, lines)


def write(text: str) -> None:
    """Write a document (JSON, Markdown) on stdout as it is, ending with one newline."""
    _put(stdout(), text.rstrip("\n") + "\n")


def write_commands(commands: Iterable[str]) -> None:
    """Write workflow commands of our own, one a line, past the guard that disables those of others.

    They go to stderr, which GitHub's runner reads as well: stdout has the result only.
    """
    sys.stderr.write("".join(f"{command}\n" for command in commands))
    sys.stderr.flush()


def _put(console: Console, text: str) -> None:
    console.file.write(text)
    console.file.flush()


class Unfailing:
    """Standard output or error that never raises if it is closed, full, or left by its reader.

    Output that cannot be written is dropped; `failure` says why, unless the reader just left (`| head`).
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write what can be written."""
        if self._stream is None:
            self.failure = OSError(errno.EBADF, os.strerror(errno.EBADF))
        else:
            self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def _attempt(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            action(self._stream)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                self.failure = self.failure or error
            _silence(self._stream)
        except ValueError as error:  # closed by other code in this process
            self.failure = self.failure or OSError(errno.EBADF, str(error))


@contextmanager
def unfailing() -> Iterator[Unfailing]:
    """Keep failed writes to stdout or stderr from raising; yields stdout, which records a failure."""
    _open_missing()
    before = sys.stdout, sys.stderr
    stdout, stderr = Unfailing(whole(sys.stdout)), Unfailing(whole(sys.stderr))
    sys.stdout, sys.stderr = cast("TextIO", stdout), cast("TextIO", stderr)
    try:
        yield stdout
    finally:
        for stream in (stdout, stderr):
            stream.flush()  # otherwise Python flushes at exit, and exits with 120 if that fails
        sys.stdout, sys.stderr = before


def _open_missing() -> None:
    """Open missing standard descriptors, so that a store or a lock cannot get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, which is this one


def _silence(stream: TextIO) -> None:
    """Redirect the stream to the null device."""
    with suppress(OSError, ValueError):  # it has no descriptor, or there is none to spare
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
        # A character that the terminal's encoding lacks must not end the run.
        reconfigure(errors="backslashreplace")
    plain = "NO_COLOR" in os.environ
    console = Console(
        file=cast("IO[str]", CommandGuard(stderr=stderr)) if _obeys_output() else None,
        stderr=stderr,
        color_system=None if plain else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )
    if console.width < 1 or (not console.is_terminal and "COLUMNS" not in os.environ):
        console.width = _UNKNOWN_WIDTH
    return console


class CommandGuard(io.TextIOBase):
    """Standard output (or error) of a CI job whose runner executes commands found in it.

    GitHub's runner takes a line that begins with `::name` and Azure's one with `##vso[` or `##[` for a
    command, and a log line or a commit subject may contain one. An inserted space disables them.
    Sources: https://docs.github.com/actions/reference/workflow-commands-for-github-actions,
    https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
    """

    def __init__(self, *, stderr: bool) -> None:
        super().__init__()
        self._stderr = stderr

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the wrapped stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write the text with its commands made harmless."""
        return self._stream.write(_COMMAND.sub(lambda match: f"{match[1]} {match[2]}", text))

    def flush(self) -> None:
        """Flush the wrapped stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._stderr else sys.stdout


_PADDING = re.compile(r"(?m) +$")
_COMMAND = re.compile(r"(?m)(^\s*:|##)(:|\[|vso\[)")


def _obeys_output() -> bool:
    return bool(os.environ.get("GITHUB_ACTIONS") or os.environ.get("TF_BUILD"))
