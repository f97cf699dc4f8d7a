"""Who wrote the lines that have no head: they continue the line before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.evidence.line_format import LineFormat
    from bisect_tool.evidence.parsed_line import ParsedLine

_LOGS = 1000


class Writers:
    """The last process that each log named in a head of the scenario's form.

    A logger prints its head once, and the lines of a traceback without one below it.
    """

    def __init__(self, line_format: LineFormat | None) -> None:
        self.format = None if line_format is None or line_format.is_json else line_format
        self._last: dict[str, tuple[str, int | None]] = {}

    def name(self, source: str, parsed: ParsedLine) -> ParsedLine:
        """The line with the process of the one that it continues; one with a head of its own as it is."""
        if self.format is None:
            return parsed
        if parsed.formatted:
            if len(self._last) < _LOGS or source in self._last:
                self._last[source] = parsed.role, parsed.pid
            return parsed
        role, pid = self._last.get(source, ("", None))
        return parsed if parsed.role or parsed.pid is not None else parsed._replace(role=role, pid=pid)
