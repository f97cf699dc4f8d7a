"""The failure chain: the root cause first, then what it brought down."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bisect_tool.evidence.event import Event
from bisect_tool.evidence.signature import Signature


class Failure(BaseModel):
    """A failure explained; `chain[0]` is `root`, the rest follows in causal order."""

    model_config = ConfigDict(frozen=True)

    root: Event
    chain: tuple[Event, ...]
    signature: Signature
    excerpt: str
