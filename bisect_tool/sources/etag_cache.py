"""Answers kept with their ETag: a service says that one is unchanged instead of sending it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A page of JSON, and the address of the next one."""

    url: str
    etag: str
    body: Any
    next_url: str


class EtagCache:
    """A folder with a file for each address; what cannot be read is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, url: str) -> KeptAnswer | None:
        """The answer that is kept for an address."""
        try:
            kept = KeptAnswer(**json.loads(self._file(url).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # see above: it is requested again
            return None
        return kept if kept.url == url else None

    def put(self, answer: KeptAnswer) -> None:
        """Keep an answer; the file is replaced as a whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(answer.url)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(answer)), encoding="utf-8")
        draft.replace(file)

    def _file(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
