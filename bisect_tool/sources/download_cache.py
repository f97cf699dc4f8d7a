"""Cache logs and artefacts of finished jobs on disk: they do not change, so each is requested once."""

from __future__ import annotations

import gzip
import hashlib
import logging
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger("bisect_run.sources")


class DownloadCache:
    """A folder with a compressed file for each URL; an unreadable file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, url: str, request: Callable[[str], bytes]) -> bytes:
        """Return the content of the URL of a log or artefact; `request` downloads it if it is not cached.

        Empty content is not cached: the service may not have stored it yet.
        """
        file = self._folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}.gz"
        kept = _cached(file)
        if kept:
            return kept
        content = request(url)
        if content.strip():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_bytes(gzip.compress(content, compresslevel=3))
            draft.replace(file)
        return content


def _cached(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes())
    except FileNotFoundError:  # it was never requested
        return b""
    except (OSError, EOFError, zlib.error) as error:
        _log.info("%s is damaged and requested again: %s", file, error)
        return b""
