"""Compress and shorten a trial's logs after they have been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.logs import keep_log

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bisect_tool.trial.result import CellResult


def keep_logs(folder: Path, cells: Iterable[CellResult]) -> None:
    """Compress long logs, and shorten very long ones to their ends and the context of the failures.

    Not through a link: the trial may have replaced its folders.
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        return
    events = [event for cell in cells if cell.failure for event in cell.failure.chain]
    for log in folder.glob("*.log"):
        source = clean_line(log.stem)
        keep_log(log, [event.line for event in events if event.source == source and event.line])
