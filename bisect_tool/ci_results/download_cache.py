"""Cache logs and artefacts of finished jobs on disk: they do not change, so each is requested once."""

from __future__ import annotations

import gzip
import logging
import zlib
from typing import TYPE_CHECKING

from bisect_tool.ci_results.cache_folder import CacheFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

_log = logging.getLogger("bisect_run.ci_results")


class DownloadCache:
    """A folder with a compressed file for each URL; an unreadable file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._files = CacheFolder(folder, ".gz")

    def read(self, url: str, request: Callable[[str], bytes]) -> bytes:
        """Return the content of the URL of a log or artefact; `request` downloads it if it is not cached.

        Empty content is not cached: the service may not have stored it yet.
        """
        kept = self._cached(url)
        if kept:
            return kept
        content = request(url)
        if content.strip():
            self._files.write(url, gzip.compress(content, compresslevel=3))
        return content

    def remove_unused(self, now: datetime) -> None:
        """Remove downloads that were not used for a month."""
        self._files.remove_unused(now)

    def _cached(self, url: str) -> bytes:
        try:
            return gzip.decompress(self._files.read(url))
        except FileNotFoundError:  # it was never requested
            return b""
        except (OSError, EOFError, zlib.error) as error:
            _log.info("%s is damaged and requested again: %s", self._files.file(url), error)
            return b""
