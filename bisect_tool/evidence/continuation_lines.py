"""Attribute lines without a head to the process of the line before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.evidence.line_format import LineFormat
    from bisect_tool.evidence.parsed_line import ParsedLine

_LOGS = 1000


class Writers:
    """The last process named by a head of the scenario's format, for each log.

    A logger prints its head once, and the lines of a traceback without one below it.
    """

    def __init__(self, line_format: LineFormat | None) -> None:
        self.format = None if line_format is None or line_format.is_json else line_format
        self._last: dict[str, tuple[str, int | None]] = {}

    def name(self, source: str, parsed: ParsedLine) -> ParsedLine:
        """Return the line with the process of the line it continues; a line with a head is unchanged."""
        if self.format is None:
            return parsed
        if parsed.formatted:
            if len(self._last) < _LOGS or source in self._last:
                self._last[source] = parsed.role, parsed.pid
            return parsed
        role, pid = self._last.get(source, ("", None))
        return parsed if parsed.role or parsed.pid is not None else parsed._replace(role=role, pid=pid)
