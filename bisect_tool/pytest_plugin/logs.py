"""Read one rank's log incrementally; the server appends to a file, so it never blocks on a full pipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.evidence.patterns import PATTERNS

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.evidence.patterns import Patterns

READ_LIMIT = 1 << 20
LINE_LIMIT = 1 << 14
REPORTED_LIMIT = 50

_LEAK = re.compile(r"resource_tracker: There appear to be \d+ leaked")
_CRASHES = ("Traceback (most recent call last):", "Fatal Python error:")


class RankLog:
    """A log file that is appended to by one rank's processes."""

    def __init__(self, path: Path, known: Patterns = PATTERNS) -> None:
        self.path = path
        self._known = known
        self.path.touch()
        self._position = self.size()
        self._partial = b""

    @property
    def name(self) -> str:
        """The file name used in reports: `4-rank0.log`."""
        return self.path.name

    def size(self) -> int:
        """Bytes in the file."""
        return self.path.stat().st_size

    def new_lines(self) -> list[str]:
        """Return the whole lines since the last call, at most `READ_LIMIT` bytes; overlong lines are cut."""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read(READ_LIMIT)
        self._position += len(data)
        *whole, rest = (self._partial + data).split(b"\n")
        self._partial = rest[:LINE_LIMIT]
        return [_decode(line[:LINE_LIMIT]) for line in whole]

    def last_line(self) -> str:
        """Return the last non-empty line, or an empty string."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.size() - LINE_LIMIT))
            lines = file.read(LINE_LIMIT).splitlines()
        return next((text for line in reversed(lines) if (text := _decode(line).strip())), "")

    def error_lines_since(self, offset: int) -> tuple[str, ...]:
        """Return the first error lines, starts of tracebacks and leak warnings after `offset`."""
        found: list[str] = []
        with self.path.open("rb") as file:
            file.seek(offset)
            while len(found) < REPORTED_LIMIT and (line := file.readline(LINE_LIMIT)):
                text = _decode(line)
                if is_error_line(text, self._known):
                    found.append(text)
        return tuple(found)


def is_error_line(line: str, known: Patterns = PATTERNS) -> bool:
    """Whether the line is an error, starts a traceback, or reports leaked shared memory."""
    parsed = parse_line(line, known)
    crashed = parsed.level in {"ERROR", "CRITICAL"} or parsed.text.startswith(_CRASHES)
    return crashed or bool(_LEAK.search(parsed.text))


def _decode(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip()
