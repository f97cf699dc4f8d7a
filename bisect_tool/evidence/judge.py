"""What an outcome says about a commit."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bisect_tool.verdict import Verdict


class Judgement(BaseModel):
    """A verdict and the reason a person reads."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    reason: str
