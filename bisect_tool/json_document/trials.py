"""Compose the report of each trial, and the total cost of a session."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from bisect_tool.json_document.document import (
    Cost,
    GpuMemoryReport,
    MachineLoad,
    TrialReport,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.session.store import TrialRow
    from bisect_tool.supervise.machine_load import Load
    from bisect_tool.trial.result import TrialResult


def trial_report(row: TrialRow) -> TrialReport:
    """Compose the report of one stored trial."""
    result = row.result
    return TrialReport(
        sha=result.sha,
        purpose=row.purpose,
        cells=tuple(cell.cell for cell in result.cells),
        outcome=result.outcome,
        outcomes={cell.cell: cell.outcome.value for cell in result.cells},
        started=result.started,
        seconds=round(result.seconds, 3),
        build_seconds=round(result.build_seconds, 3),
        environment=result.environment,
        slot=result.slot,
        leftovers=tuple(f"{item.kind} {item.name}" for item in result.leftovers),
        log=result.folder,
        reason=result.reason,
        shared=row.shared,
        exit=next((cell.failure.root.exit for cell in result.cells if cell.failure), ""),
        timeline=result.timeline,
        load=_load(result.load),
        where=result.where,
        gpu_memory=tuple(GpuMemoryReport(**use.model_dump()) for use in result.gpu_memory),
    )


def _load(load: Load | None) -> MachineLoad | None:
    if load is None:
        return None
    figures = {name: value if value is None else round(value, 3) for name, value in asdict(load).items()}
    return MachineLoad(busy=load.busy, **figures)


def total_cost(rows: Sequence[TrialRow]) -> Cost:
    """Compute the total cost of a session's own trials, without shared ones."""
    results = [row.result for row in rows if not row.shared]
    return Cost(
        trials=len(results),
        builds=sum(not result.environment_reused for result in results),
        seconds=round(sum(result.seconds for result in results), 3),
        wall_seconds=round(_wall(results), 3),
        gpu_seconds=round(sum(result.seconds * result.gpus for result in results), 3),
    )


def _wall(results: Sequence[TrialResult]) -> float:
    """Return the seconds during which at least one of these trials ran."""
    spans = sorted(
        (datetime.fromisoformat(result.started).timestamp(), result.seconds)
        for result in results
        if result.started
    )
    total, until = 0.0, float("-inf")
    for start, seconds in spans:
        total += max(start + seconds - max(start, until), 0.0)
        until = max(until, start + seconds)
    return total
