"""The findings of a trial: its cells, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.trial.result import CellResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.build import Environment
    from bisect_tool.evidence import Failure, ProcessTimeline, Signature
    from bisect_tool.supervise.machine_load import Load
    from bisect_tool.trial.result import GpuUse, Leftover
    from bisect_tool.verdict import Outcome

REASON_LIMIT = 300


@dataclass(frozen=True)
class Findings:
    """The outcome of a trial and of its cells, with the evidence; without cells, `reason` says why."""

    outcome: Outcome
    cells: tuple[CellResult, ...] = ()
    reason: str = ""
    environment: Environment | None = None
    leftovers: tuple[Leftover, ...] = ()
    gpu_memory: tuple[GpuUse, ...] = ()
    timeline: tuple[ProcessTimeline, ...] = ()
    load: Load | None = None
    unusable: bool = False
    printed: tuple[Signature, ...] = ()
    failure: Failure | None = None


def no_result(cells: Sequence[str] | None, outcome: Outcome, reason: str) -> Findings:
    """Return the findings of a trial that could not run the requested cells."""
    results = tuple(CellResult(cell=cell, outcome=outcome, reason=reason) for cell in cells or ())
    return Findings(outcome, results, reason)
