"""Store the states that were posted to the webhook, since a webhook cannot be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1


class Delivered:
    """The last posted state of each cause, by fingerprint. Callers hold the lock of delivery."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self, name: str) -> str:
        """Return the state that was posted last, or empty."""
        return self._read().get(name, "")

    def record(self, name: str, state: str) -> None:
        """Record that a state was posted; on disk when this returns."""
        content = {"schema": _SCHEMA, "webhook": {**self._read(), name: state}}
        write_atomically(self._path, json.dumps(content, indent=2))

    def _read(self) -> dict[str, str]:
        """Read the file.

        Raises:
            EnvironmentFailed: it cannot be read; without it everything would be posted again.
        """
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8"))["webhook"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError):
            raise EnvironmentFailed(
                f"cannot read the record of sent messages: {self._path}",
                "Delete it to send the messages again.",
            ) from None
