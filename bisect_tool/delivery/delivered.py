"""A file with the states that the webhook was sent, since a webhook cannot be read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1


class Delivered:
    """The last state of each cause that was sent, by its fingerprint. Its users hold the lock of delivery."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self, name: str) -> str:
        """The state that was sent last, empty if none was."""
        return self._read().get(name, "")

    def record(self, name: str, state: str) -> None:
        """Record that a state was sent; on disk when this returns."""
        content = {"schema": _SCHEMA, "webhook": {**self._read(), name: state}}
        write_whole(self._path, json.dumps(content, indent=2))

    def _read(self) -> dict[str, str]:
        """What is recorded.

        Raises:
            EnvironmentFailed: it cannot be read: without it everything would be sent again.
        """
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8"))["webhook"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError):
            raise EnvironmentFailed(
                f"cannot read which messages were sent: {self._path}",
                "Delete it; they are sent once more then.",
            ) from None
