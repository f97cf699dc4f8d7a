"""What makes two failures the same."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Signature(BaseModel):
    """The identity of a failure across runs and commits.

    Attributes:
        role: process role without its numbers: `EngineCore`, `Worker`, `ApiServer`, `Test`.
        exception: dotted name of the exception type, or empty.
        message: the message with numbers, addresses, paths and ids replaced.
        frame: innermost frame of the engine (or of the suite) as `file:function`, or empty.
    """

    model_config = ConfigDict(frozen=True)

    role: str
    exception: str
    message: str
    frame: str = ""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.role, self.exception, self.message) if part)
        return f"{text} ({self.frame})" if self.frame else text
