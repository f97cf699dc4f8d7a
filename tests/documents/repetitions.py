"""Sessions that ran cells often: `repro`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.results.repro import FailureRate, Reproduced, Reproduction, SignatureCount, Spread
from documents.parts import (
    CULPRIT,
    GREEN_CELLS,
    PARENT,
    RED_CELLS,
    document,
)

if TYPE_CHECKING:
    from bisect_tool.results.document import Document


def rate(sha: str, failed: int, runs: int, low: float, high: float, *signatures: str) -> FailureRate:
    return FailureRate(
        sha=sha,
        runs=runs,
        failed=failed,
        rate=failed / runs if runs else None,
        low=low,
        high=high,
        signatures=tuple(SignatureCount(signature=each, count=failed) for each in signatures),
        seconds_to_failure=Spread(median=31.4, min=9.1, max=43.4) if failed else None,
    )


def repro() -> Document:
    """A flaky cell and a green one, each run often at two commits."""
    cells = {
        RED_CELLS[0]: Reproduced(
            rate=rate(CULPRIT, 6, 20, 0.145, 0.519, "EngineCore: Exception: WorkerProc failed"),
            baseline=rate(PARENT, 0, 20, 0.0, 0.161),
            p_value=0.0202,
        ),
        GREEN_CELLS[0]: Reproduced(
            rate=rate(CULPRIT, 0, 20, 0.0, 0.161), baseline=rate(PARENT, 0, 0, 0.0, 1.0), p_value=1.0
        ),
    }
    return document(
        command="repro",
        good=(),
        bad=CULPRIT,
        exit_code=1,
        conclusion=f"reproduced: {RED_CELLS[0]} failed in 6 of 20 runs under --stress delay",
        cells={},
        repro=Reproduction(runs=20, until_fail=False, against=PARENT, stress="delay", cells=cells),
    )


def repro_running() -> Document:
    """Interrupted before the first run of one commit had ended."""
    return document(
        command="repro",
        good=(),
        bad=CULPRIT,
        exit_code=130,
        resumable=True,
        conclusion="not finished: 20 runs left",
        cells={},
        repro=Reproduction(runs=20, until_fail=False, against=None, cells={}),
        failure=None,
        trials=(),
    )
