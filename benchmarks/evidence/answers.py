"""The failure that `bisect-run explain` finds in a text, in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bisect_tool.evidence import LogFailure, explain_log
from bisect_tool.log_input.files import LogFiles


def answer(text: str) -> LogFailure | None:
    """The most serious failure of a log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "the.log")
        path.write_bytes(text.encode())
        found = explain_log(LogFiles([str(path)], lambda _: None).lines())
    return found[0] if found else None
