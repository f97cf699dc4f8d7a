"""Cache answers with their ETag, so that a service can answer `304 Not Modified`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results.cache_folder import CacheFolder

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A cached page of JSON, and the URL of the next page."""

    url: str
    etag: str
    body: Any
    next_url: str


class EtagCache:
    """A folder with a file for each URL; an unreadable file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._files = CacheFolder(folder, ".json")

    def get(self, url: str) -> CachedAnswer | None:
        """Return the cached answer of a URL."""
        try:
            kept = CachedAnswer(**json.loads(self._files.read(url)))
        except (OSError, ValueError, TypeError):  # see above: it is requested again
            return None
        return kept if kept.url == url else None

    def put(self, answer: CachedAnswer) -> None:
        """Store an answer; the file is replaced atomically."""
        self._files.write(answer.url, json.dumps(asdict(answer)).encode())

    def remove_unused(self, now: datetime) -> None:
        """Remove answers that were not used for a month: every day has a listing of its own."""
        self._files.remove_unused(now)
