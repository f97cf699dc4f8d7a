"""Logs of finished jobs on disk: they do not change, so none is requested twice."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class LogCache:
    """A folder with a compressed file for each log; what cannot be read is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, url: str, request: Callable[[str], str]) -> str:
        """The text of a log, by its address, which names the job; `request` reads what is not kept.

        An empty log is not kept: a service may not have stored it yet.
        """
        file = self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}.log.gz"
        kept = _kept(file)
        if kept:
            return kept
        text = request(url)
        if text.strip():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_bytes(gzip.compress(text.encode("utf-8", "replace"), compresslevel=3))
            draft.replace(file)
        return text


def _kept(file: Path) -> str:
    try:
        return gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return ""
