"""Sessions that tried fixes, and culprits that were confirmed by their reverts."""

from __future__ import annotations

from bisect_tool.json_document.document import Confirmation, Cost, Document
from bisect_tool.json_document.fixes import FixReport, Tried
from sample_documents.parts import (
    BROKEN,
    COMMITS,
    CULPRIT,
    GOOD,
    GREEN_CELLS,
    RED_CELLS,
    document,
    green,
    red,
)


def confirmation(*reverts: Tried, conclusion: str) -> Confirmation:
    return Confirmation(
        session="20260306-104205-5d07",
        conclusion=conclusion,
        fixes=FixReport(runs=2, red=RED_CELLS, green=(), candidates=reverts, combinations=(), verified=()),
        cost=Cost(trials=3, builds=0, seconds=95.0, gpu_seconds=0.0),
    )


def confirmed() -> Document:
    """Of two culprits the revert of one fixes one of its cells, and that of the other conflicts."""
    partly = Tried(
        name="revert 27066d1b2",
        title="",
        sha=GOOD,
        fixed=RED_CELLS[:1],
        red=RED_CELLS[1:2],
        inconclusive=RED_CELLS[2:],
        commit=CULPRIT,
    )
    conflicts = Tried(
        name="revert 0a208d1f5",
        title="",
        conflicts=("vllm/a.py", "b|c.py"),
        reason="conflicts",
        commit=BROKEN,
    )
    other = red(culprit=COMMITS[BROKEN], last_good=None, last_good_runs=None, candidates=(BROKEN,))
    found = "no tested combination fixes every failing cell"
    return document(
        cells={GREEN_CELLS[0]: green(), **dict.fromkeys(RED_CELLS, red()), "test_other[4]": other},
        confirmation=confirmation(partly, conflicts, conclusion=found),
    )


def fixes() -> Document:
    """One revert fixes a part, another conflicts, a patch changes nothing, both reverts together fix all."""
    names = ("revert 27066d1b2", "revert 57c84ff12", "apply fix.patch")
    alone = Tried(
        name=names[0],
        title=f'Revert "{COMMITS[CULPRIT].subject}"',
        parts=names[:1],
        sha=BROKEN,
        fixed=RED_CELLS[:2],
        red=RED_CELLS[2:],
        broken=GREEN_CELLS[:1],
        inconclusive=GREEN_CELLS[1:],
    )
    conflicts = Tried(
        name=names[1], title="Revert | it", parts=names[1:2], conflicts=("a.py", "b|c.py"), reason="conflicts"
    )
    patch = Tried(name=names[2], title="Apply fix.patch", parts=names[2:], reason="changes nothing")
    both = Tried(
        name=" + ".join(names[:2]), title="", parts=names[:2], sha=GOOD, fixes_all=True, fixed=RED_CELLS
    )
    return document(
        command="fixes",
        good=(),
        conclusion=f"fixed by: {names[1]} and {names[0]}",
        cells={},
        fixes=FixReport(
            runs=2,
            red=RED_CELLS,
            green=GREEN_CELLS,
            candidates=(alone, conflicts, patch),
            combinations=(both,),
            verified=(),
            smallest=names[:2],
            truncated=True,
        ),
    )


def fixes_running() -> Document:
    """Interrupted: one revert is not run yet, another did not build, a third passed once of twice."""
    names = ("revert 27066d1b2", "revert 57c84ff12", "revert 0a208d1f5")
    rest = (Tried(name=name, title="Revert it", parts=(name,), sha=GOOD) for name in names)
    waits, unbuilt, partial = rest
    unbuilt = unbuilt.model_copy(update={"inconclusive": (*RED_CELLS, *GREEN_CELLS)})
    whole = fixes()
    found = whole.fixes.model_copy(
        update={
            "candidates": (waits, unbuilt, partial),
            "combinations": (),
            "smallest": (),
            "truncated": False,
        }
    )
    return whole.model_copy(
        update={
            "exit_code": 130,
            "resumable": True,
            "conclusion": "not finished: not all candidates were tested",
            "fixes": found,
        }
    )


def fixes_unfit() -> Document:
    """No candidate applies, so nothing was run."""
    whole = fixes()
    _, conflicts, patch = whole.fixes.candidates
    patch = patch.model_copy(update={"reason": "error: corrupt patch at line 3"})
    found = FixReport(runs=2, red=(), green=(), candidates=(conflicts, patch), combinations=(), verified=())
    conclusion = "no candidate applies to the failing commit, so nothing was run"
    return whole.model_copy(
        update={"exit_code": 3, "conclusion": conclusion, "fixes": found, "failure": None, "trials": ()}
    )
