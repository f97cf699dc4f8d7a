"""Sessions without a culprit: no proof, flaky, green, one commit alone, not finished."""

from __future__ import annotations

from bisect_tool.json_document.document import Cost, Document, EndCount, Skipped
from sample_documents.parts import (
    BAD,
    BROKEN,
    CULPRIT,
    FAILURE,
    GOOD,
    GREEN_CELLS,
    PARENT,
    RED_CELLS,
    document,
    green,
    outcomes,
    red,
    trial,
)


def inconclusive() -> Document:
    reason = "does not build: error: metadata-generation-failed (setup.py egg_info exited with 1)"
    cell = red(
        finding="candidates",
        culprit=None,
        last_good=None,
        candidates=(BROKEN, PARENT, CULPRIT),
        skipped=(
            Skipped(sha=BROKEN, reason=reason),
            Skipped(sha=PARENT, reason="another failure: ImportError"),
        ),
    )
    return document(
        cells={GREEN_CELLS[0]: green(), RED_CELLS[0]: cell},
        exit_code=3,
        conclusion="the first bad commit is among untestable commits",
        failure=FAILURE.model_copy(update={"sha": ""}),
        trials=(
            trial(BAD, "bad end", outcomes("failed")),
            trial(BROKEN, "narrow", {}, outcome="unbuildable", reason=reason),
        ),
    )


def flaky() -> Document:
    cell = red(
        finding="flaky",
        culprit=None,
        last_good=None,
        candidates=(),
        good=EndCount(runs=2, failed=1),
        note="runs of the same commit disagree",
    )
    return document(
        cells={GREEN_CELLS[0]: green(), RED_CELLS[0]: cell},
        exit_code=3,
        conclusion="no culprit: the failing cells are flaky",
        failure=FAILURE.model_copy(update={"sha": ""}),
    )


def all_green() -> Document:
    return document(
        cells=dict.fromkeys((*GREEN_CELLS, *RED_CELLS), green()),
        exit_code=4,
        conclusion="all cells pass at the bad commit",
        failure=None,
        trials=(trial(BAD, "bad end", outcomes("passed")),),
        cost=Cost(trials=1, builds=0, seconds=31.4, gpu_seconds=0.0),
    )


def step() -> Document:
    """One commit that was tested by itself."""
    cell = red(
        finding="unverified", culprit=None, last_good=None, candidates=(), good=EndCount(runs=0, failed=0)
    )
    return document(
        command="step",
        good=(),
        candidates_total=1,
        conclusion="1 failed",
        cells={RED_CELLS[0]: cell},
        failure=FAILURE.model_copy(update={"sha": ""}),
        trials=(trial(BAD, "bad end", {RED_CELLS[0]: "failed"}),),
    )


def interrupted() -> Document:
    return document(
        cells={},
        exit_code=130,
        resumable=True,
        conclusion="not finished: narrowed to 9 commits",
        failure=None,
        trials=(
            trial(BAD, "bad end", outcomes("failed"), build_seconds=12.0, seconds=43.4),
            trial(GOOD, "good end", outcomes("passed")),
        ),
        cost=Cost(trials=2, builds=1, seconds=74.8, gpu_seconds=0.0),
    )


def running() -> Document:
    return interrupted().model_copy(update={"running": True, "resumable": False})
