"""Show the diagnostic log on stderr, above the live display where there is one."""

from __future__ import annotations

import logging

from rich.text import Text

from bisect_tool.diagnostics import LOGGER, Formatter, Recorder
from bisect_tool.terminal import writer


def be_verbose(*, without: str = "") -> None:
    """Show what was logged so far and from here on, except by the logger `without`."""
    shown = StderrHandler()
    shown.addFilter(lambda record: record.name != without)
    for handler in LOGGER.handlers:
        if isinstance(handler, Recorder):
            handler.repeat(shown)
    LOGGER.addHandler(shown)


class StderrHandler(logging.Handler):
    """Prints records on stderr, dimmed."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Formatter())

    def handle(self, record: logging.LogRecord) -> bool:
        """Print a record without holding the lock of a handler.

        The console has a lock of its own. With both, a thread that logs could wait for one that draws the
        display, while that one logs and waits for the first.
        """
        shown = bool(self.filter(record))
        if shown:
            self.emit(record)
        return shown

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        try:
            writer.stderr().print(Text(self.format(record), "dim"), soft_wrap=True)
        except Exception:  # noqa: BLE001 - as every handler does: logging must not make the code that logs fail
            self.handleError(record)
