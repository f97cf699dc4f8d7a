"""Follow a running trial's report stream (JSON lines) to know which cell is running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bisect_tool.parse_untrusted import parse_json
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "stream.jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class CellsSeen:
    """The running cell is number `index` of `total`; both are 0 and `name` is empty before the first."""

    index: int = 0
    total: int = 0
    name: str = ""


class StreamTail:
    """Reads what was appended since the last poll, at most one mebibyte."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._seen = CellsSeen()

    def poll(self) -> CellsSeen:
        """Return the progress so far; a missing file counts as empty."""
        try:
            with open_regular(self._path) as stream:
                stream.seek(self._offset)
                new = stream.read(_CHUNK)
        except OSError:  # it is not there yet
            return self._seen
        self._offset += len(new)
        *lines, rest = (self._rest + new).split(b"\n")
        self._rest = rest[:_CHUNK]  # longer lines are ignored
        for line in lines:
            self._take(line)
        return self._seen

    def _take(self, line: bytes) -> None:
        try:
            record: Any = parse_json(line)
        except ValueError:
            return
        if not isinstance(record, dict):
            return
        if record.get("event") == "collected" and isinstance(record.get("cells"), list):
            self._seen = CellsSeen(0, len(record["cells"]), "")
        elif record.get("event") == "start":
            index = self._seen.index + 1
            name = clean_line(str(record.get("cell", "")), 200)
            self._seen = CellsSeen(index, max(self._seen.total, index), name)
