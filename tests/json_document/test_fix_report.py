"""The conclusions of `fixes`."""

import pytest

from bisect_tool.errors import ExitCode
from bisect_tool.json_document.fixes import FixReport, FlakyCell, Tried, conclude_fixes
from bisect_tool.planner import State
from bisect_tool.render.fixes import doubtful_cells

BAD = "a4b6c64f5" + "0" * 31
CELLS = ("test[1]", "test[4]")
OVER = State(None, (), (), 0, over=True)


def tried(*parts, fixes_all=True):
    return Tried(name=" + ".join(parts), title="", parts=parts, sha="f" * 40, fixes_all=fixes_all)


def found(*candidates, together=(), verified=(), smallest=()):
    return FixReport(
        runs=2,
        red=CELLS,
        green=(),
        candidates=candidates,
        combinations=together,
        verified=verified,
        smallest=smallest,
    )


@pytest.mark.parametrize(
    ("fix_report", "sentence"),
    [
        (found(tried("revert a"), smallest=("revert a",)), "fixed by: revert a"),
        (
            found(
                tried("revert a"), tried("apply b", fixes_all=False), tried("pick c"), smallest=("revert a",)
            ),
            "fixed by: revert a; also: pick c",
        ),
        (
            found(
                tried("revert a", fixes_all=False),
                tried("revert b", fixes_all=False),
                together=(tried("revert a", "revert b"), tried("revert a", "revert b", "pick c")),
                verified=(Tried(name="6c95d18c2", title="", sha="6" * 40, fixes_all=True),),
                smallest=("revert a", "revert b"),
            ),
            "fixed by: revert a and revert b; also: 6c95d18c2 unchanged",
        ),
    ],
)
def test_conclusion_lists_everything_that_fixes_all_cells(fix_report, sentence):
    assert conclude_fixes(fix_report, BAD, OVER, []) == (ExitCode.DONE, sentence)


@pytest.mark.parametrize(("fixed", "doubted"), [(CELLS, True), (CELLS[:1], False)])
def test_fix_that_may_be_a_false_pass_is_doubted(fixed, doubted):
    flaky = FlakyCell(cell=CELLS[1], runs=8, failed=4, false_pass_probability=0.34)
    candidate = tried("revert a").model_copy(update={"fixed": fixed})
    fix_report = found(candidate).model_copy(update={"flaky_cells": (flaky,)})
    phrases = [(note.name, note.words) for note in doubtful_cells(fix_report)]
    expected = (
        "failed in 4 of 8 runs there, so 2 passes would happen 34% of the time without a fix; use --runs 8"
    )
    assert phrases == ([(CELLS[1], expected)] if doubted else [])
