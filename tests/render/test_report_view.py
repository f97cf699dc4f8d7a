"""Grouping a document's results for reports."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.json_document.document import EarlierResults, EndCount
from bisect_tool.render import report_view
from bisect_tool.render.console import render_answer
from bisect_tool.render.markdown import markdown

BUILT = "4 trials, 1 environment built"


@pytest.mark.parametrize(
    ("red", "green", "contrast"),
    [
        (("a[4]", "b[4-model]"), ("a[1]",), (("[4]",), ("[1]",))),
        (("a[4]",), ("a[1]", "b[4]"), ((), ())),
        (("a[4]",), ("a",), ((), ())),
        (("a[4]",), (), ((), ())),
        (tuple(f"a[{number}]" for number in range(10, 15)), ("a[1]",), ((), ())),
    ],
)
def test_contrast_of_red_and_green_parameters(red, green, contrast):
    cells = {**dict.fromkeys(red, documents.red()), **dict.fromkeys(green, documents.green())}
    assert report_view.contrast(documents.document(cells=cells)) == report_view.Contrast(*contrast)


def test_cells_are_grouped_by_culprit():
    first, second = report_view.culprits(documents.two_culprits())
    assert (first.commit.sha, first.cells) == (documents.CULPRIT, documents.RED_CELLS[:1])
    assert (second.commit.sha, second.cells) == (documents.BROKEN, documents.RED_CELLS[1:2])


def test_last_candidate_is_bad_and_the_others_have_reasons():
    (group,) = report_view.candidates(documents.inconclusive())
    assert [view.sha for view in group.candidates] == [documents.BROKEN, documents.PARENT, documents.CULPRIT]
    assert [bool(view.reason) for view in group.candidates] == [True, True, False]


def test_culprit_with_native_changes_is_found():
    assert [change.sha for change in report_view.native_culprits(documents.culprit())] == [documents.CULPRIT]


def ran(sha, **outcomes):
    return documents.trial(sha, "narrow", outcomes)


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        ((), "not run"),
        ((ran("a", x="errored"), ran("a", other="passed"), ran("b", x="passed")), "not run"),
        ((ran("a", x="passed"),), "1 trial, passed"),
        ((ran("a", x="failed"), ran("a", x="hung")), "2 trials, all failed"),
        ((ran("a", x="failed"), ran("a", x="passed"), ran("a", x="passed")), "3 trials, 1 failed"),
        ((ran("a", x="passed", y="passed"), ran("a", x="passed")), "2 trials, all 2 cells passed"),
        ((ran("a", x="failed", y="passed"), ran("a", x="failed")), "2 trials, 2 of 3 cell runs failed"),
        ((ran("a", x="skipped", y="failed"),), "1 trial, failed"),
    ],
)
def test_trials_are_counted_as_trials(trials, text):
    document = documents.document().model_copy(update={"trials": trials})
    assert str(report_view.tally(document.trials, "a", ("x", "y"))) == text


def test_end_counts_as_text():
    assert str(EndCount(runs=0, failed=0)) == "not run"
    assert str(EndCount(runs=3, failed=0)) == "3 passed"
    assert str(EndCount(runs=3, failed=3)) == "3 failed"
    assert str(EndCount(runs=3, failed=1)) == "1 of 3 failed"


@pytest.mark.parametrize(
    ("changed", "slot", "text"),
    [
        ({"builds": 0}, 0, "4 trials, 2 min 18 s"),
        ({"wall_seconds": 70.0}, 1, f"{BUILT}, 1 min 10 s wall time, 2 min 18 s of trials in 2 slots"),
        ({}, 1, f"{BUILT}, 2 min 18 s of trials in 2 slots"),
        ({"builds": 0, "gpu_seconds": 540.0}, 0, "4 trials, 2 min 18 s, 0.1 GPU-hours"),
    ],
)
def test_cost_summary(changed, slot, text):
    document = documents.culprit()
    trials = tuple(trial.model_copy(update={"slot": slot}) for trial in document.trials)
    cost = document.cost.model_copy(update=changed)
    assert report_view.cost_summary(document.model_copy(update={"trials": trials, "cost": cost})) == text


def test_cost_summary_without_builds_does_not_mention_them():
    assert (
        report_view.cost_summary(documents.command())
        == "2 trials, 40 s wall time, 1 min 03 s of trials in 2 slots"
    )


@pytest.mark.parametrize(
    ("cells", "file"),
    [
        (("a/test_x.py::test_1", "a/test_x.py::test_2[::]"), "a/test_x.py"),
        (("a/test_x.py::test_1", "a/test_y.py::test_1"), ""),
        (("a/test_x.py::test_1",), ""),
        (("test_1[4]", "test_2[4]"), ""),
        (("command",), ""),
    ],
)
def test_common_file_of_all_cells(cells, file):
    assert report_view.common_file(cells) == file


def test_reports_have_the_number_of_earlier_results(printed):
    known = EarlierResults(results=25, commits=1)
    document = documents.culprit().model_copy(update={"earlier_results": known})
    line = "25 earlier results at 1 commit counted as evidence"
    assert f"  {line}\n" in printed(render_answer(document))
    assert f"; {line}\n" in markdown(document)
    assert "earlier result" not in markdown(documents.culprit())
