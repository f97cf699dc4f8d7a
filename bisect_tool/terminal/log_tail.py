"""Follow a running trial's report stream (JSON lines) to know which cell is running."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "stream.jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class CellsSeen:
    """The cell at work is number `index` of `total`; both 0 and `name` empty while none has begun."""

    index: int = 0
    total: int = 0
    name: str = ""


class StreamTail:
    """Reads only what was appended since the last look, and at most a mebibyte of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._seen = CellsSeen()

    def poll(self) -> CellsSeen:
        """What the report says by now; a file that is not there yet says nothing."""
        try:
            with open_regular(self._path) as stream:
                stream.seek(self._offset)
                new = stream.read(_CHUNK)
        except OSError:
            return self._seen
        self._offset += len(new)
        *lines, rest = (self._rest + new).split(b"\n")
        self._rest = rest[:_CHUNK]  # of a line that is longer nothing is shown
        for line in lines:
            self._take(line)
        return self._seen

    def _take(self, line: bytes) -> None:
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict):
            return
        if record.get("event") == "collected" and isinstance(record.get("cells"), list):
            self._seen = CellsSeen(0, len(record["cells"]), "")
        elif record.get("event") == "start":
            index = self._seen.index + 1
            name = clean_line(str(record.get("cell", "")), 200)
            self._seen = CellsSeen(index, max(self._seen.total, index), name)
