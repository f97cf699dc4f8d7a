"""Cache answers with their ETag, so that a service can answer `304 Not Modified`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        self._folder = folder

    def get(self, url: str) -> CachedAnswer | None:
        """Return the cached answer of a URL."""
        try:
            kept = CachedAnswer(**json.loads(self._file(url).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # see above: it is requested again
            return None
        return kept if kept.url == url else None

    def put(self, answer: CachedAnswer) -> None:
        """Store an answer; the file is replaced atomically."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(answer.url)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(answer)), encoding="utf-8")
        draft.replace(file)

    def _file(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
