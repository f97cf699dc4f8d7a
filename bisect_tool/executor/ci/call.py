"""A call that changes something at a CI service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Call:
    """A call: its method, path, and body; `job` is the job that it unblocks."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    job: str = ""
