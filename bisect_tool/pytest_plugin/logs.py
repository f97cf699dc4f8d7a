"""One rank's log: a file that the server appends to and that nobody has to keep up with."""

from __future__ import annotations

import os
import re
from pathlib import Path

READ_LIMIT = 1 << 20
LINE_LIMIT = 1 << 14
REPORTED_LIMIT = 50

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PREFIXES = r"^(?:\([\w.\[\]/ -]+ pid=\d+\)\s*)*"
_COMPLAINT = re.compile(
    _PREFIXES + r"(?:(?:ERROR|CRITICAL)\b|Traceback \(most recent call last\):|Fatal Python error:)"
    r"|resource_tracker: There appear to be \d+ leaked"
)


class RankLog:
    """A log file that is appended to by one rank's processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self._position = self.size()
        self._partial = b""
        self.last_line = ""

    @property
    def name(self) -> str:
        """The file's stem, by which reports speak of it: `4-rank0`."""
        return self.path.stem

    def open_for_server(self) -> int:
        """A descriptor for the server's stdout and stderr; the caller closes it."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def size(self) -> int:
        """Bytes in the file."""
        return self.path.stat().st_size

    def new_lines(self) -> list[str]:
        """The whole lines since the last call, at most `READ_LIMIT` bytes a call; an overlong line is cut."""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read(READ_LIMIT)
        self._position += len(data)
        *whole, rest = (self._partial + data).split(b"\n")
        self._partial = rest[:LINE_LIMIT]
        lines = [_decode(line[:LINE_LIMIT]) for line in whole]
        self.last_line = next((line for line in reversed(lines) if line.strip()), self.last_line)
        return lines

    def complaints_since(self, offset: int) -> tuple[str, ...]:
        """Error lines, starts of tracebacks and leak warnings written after `offset`, the first few."""
        found: list[str] = []
        with self.path.open("rb") as file:
            file.seek(offset)
            while len(found) < REPORTED_LIMIT and (line := file.readline(LINE_LIMIT)):
                text = _decode(line)
                if _COMPLAINT.search(text):
                    found.append(text)
        return tuple(found)


def _decode(line: bytes) -> str:
    return _COLOUR.sub("", line.decode("utf-8", "replace")).rstrip()
