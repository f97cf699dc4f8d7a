"""Attribute lines without a head to the process of the line before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.evidence.line_format import LineFormat
    from bisect_tool.evidence.parsed_line import ParsedLine

_LOGS = 1000


class Writers:
    """Keeps the last process that a line's head named in each log, in the scenario's format.

    A logger prints its head once, above the lines of a traceback, which have none.
    """

    def __init__(self, line_format: LineFormat | None) -> None:
        self.format = None if line_format is None or line_format.is_json else line_format
        self._last: dict[str, tuple[str, int | None]] = {}

    def attribute(self, source: str, parsed: ParsedLine) -> ParsedLine:
        """Return a line without a head with the process of the line before it; other lines are unchanged."""
        if self.format is None:
            return parsed
        if parsed.formatted:
            if len(self._last) < _LOGS or source in self._last:
                self._last[source] = parsed.role, parsed.pid
            return parsed
        role, pid = self._last.get(source, ("", None))
        return parsed if parsed.role or parsed.pid is not None else parsed._replace(role=role, pid=pid)
