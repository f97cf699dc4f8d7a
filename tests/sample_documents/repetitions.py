"""Sessions of `repro`, computed from their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence import Failure, Signature
from bisect_tool.json_document.repro import conclude_repro, reproduction
from bisect_tool.mode import Repro
from bisect_tool.planner import Purpose, State, Step
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome
from sample_documents.parts import (
    CHAIN,
    CULPRIT,
    GREEN_CELLS,
    PARENT,
    RED_CELLS,
    document,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.json_document.document import Document

SECONDS_TO_FAILURE = (9.1, 31.4, 31.4, 31.4, 31.4, 43.4)
"""The duration of each of the six failing runs."""


def run(sha: str, seconds: float, outcome: Outcome, *passing: str) -> TrialResult:
    """A trial of the red cell, beside cells that pass."""
    signature = Signature(role="EngineCore", exception="Exception", message="WorkerProc failed")
    failed = outcome is Outcome.FAILED
    failure = Failure(root=CHAIN[0], chain=CHAIN, signature=signature, excerpt="") if failed else None
    red = CellResult(cell=RED_CELLS[0], outcome=outcome, seconds=seconds, failure=failure)
    green = (CellResult(cell=cell, outcome=Outcome.PASSED, seconds=seconds) for cell in passing)
    started = "2026-03-06T10:15:00.000+00:00"
    return TrialResult(sha=sha, cells=(red, *green), outcome=outcome, started=started, seconds=seconds)


def session(mode: Repro, runs: Sequence[TrialResult], state: State, **more: object) -> Document:
    """The document of a session of `repro` with these runs."""
    found = reproduction(mode, CULPRIT, runs)
    code, conclusion = conclude_repro(found, state, runs)
    return document(
        command="repro",
        good=(),
        bad=CULPRIT,
        exit_code=code,
        conclusion=conclusion,
        cells={},
        repro=found,
        **more,
    )


def repro() -> Document:
    """A flaky cell and a green one, run repeatedly at one commit, and the flaky one also at another."""
    failing = [run(CULPRIT, each, Outcome.FAILED, GREEN_CELLS[0]) for each in SECONDS_TO_FAILURE]
    passing = [run(CULPRIT, 31.4, Outcome.PASSED, GREEN_CELLS[0])] * 14
    compared = [run(PARENT, 31.4, Outcome.PASSED)] * 20
    mode = Repro(runs=20, against=PARENT, stress="delay")
    return session(mode, [*failing, *passing, *compared], State(None, (), (), 0, over=True))


def repro_running() -> Document:
    """Interrupted before the first run of one commit had ended."""
    state = State(Step(CULPRIT, None, Purpose.REPEAT), (), (), 20)
    return session(Repro(runs=20), (), state, resumable=True, failure=None, trials=())
