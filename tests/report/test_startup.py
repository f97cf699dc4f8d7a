"""Start-up times at good and at bad commits."""

from __future__ import annotations

import documents
import pytest

from bisect_tool.report.console import render_report
from bisect_tool.report.document import Skipped
from bisect_tool.report.markdown import markdown
from bisect_tool.report.startup import START_UP, render_start_ups, sides, start_ups


def rows(document):
    return {row.name: (*map(str, row.spans), row.difference) for row in start_ups(document)}


def session(*trials, **more):
    return documents.document(trials=trials, **more)


def one(sha, outcome, *processes):
    return documents.trial(sha, "narrow", {documents.RED_CELLS[0]: outcome}, timeline=processes)


def engine(seconds):
    return documents.process("EngineCore_DP0", 7, seconds)


def test_median_of_the_processes_that_became_ready():
    assert rows(documents.culprit()) == {
        "ApiServer [1]": ("31.5 s (2)", "31.5 s (1)", "+0.0 s"),
        "EngineCore [4]": ("42.0 s (2)", "44.3 s (1)", "+2.3 s"),
        "ApiServer [4]": ("74.9 s (4)", "none of 2 ready", ""),
    }


def test_ranks_of_one_role_are_one_row():
    servers = [documents.process(f"ApiServer_{rank}", 10 + rank, 2.0 + rank) for rank in range(3)]
    late = documents.process("ApiServer_3", 13, None)
    assert rows(session(one(documents.GOOD, "passed", *servers, late))) == {
        "ApiServer [4]": ("3.0 s (3 of 4)", "")
    }


def test_a_commit_at_which_a_cell_ever_failed_is_bad():
    document = session(
        one(documents.CULPRIT, "passed", engine(5.0)), one(documents.CULPRIT, "failed", engine(7.0))
    )
    assert rows(document) == {"EngineCore [4]": ("6.0 s (2)", "")}
    assert sides(document) == ("bad commits",)


@pytest.mark.parametrize("outcome", ["errored", "unbuildable", "infrastructure", "skipped"])
def test_a_commit_that_told_nothing_is_on_neither_side(outcome):
    assert rows(session(one(documents.CULPRIT, outcome, engine(5.0)))) == {}


def test_another_failure_is_on_neither_side():
    skipped = documents.red(skipped=(Skipped(sha=documents.BROKEN, reason="another failure"),))
    document = session(one(documents.BROKEN, "failed", engine(50.0)), cells={documents.RED_CELLS[0]: skipped})
    assert rows(document) == {}


def test_a_process_in_a_log_of_no_rank_has_no_topology():
    process = documents.process("Worker_DP0_TP1", 7, 1.25, "suite")
    assert rows(session(one(documents.GOOD, "passed", process))) == {"Worker": ("1.2 s (1)", "")}


def test_ready_before_it_was_spawned_is_no_negative_time():
    assert rows(session(one(documents.GOOD, "passed", engine(-0.1)))) == {"EngineCore [4]": ("0.0 s (1)", "")}


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    document = session(
        one(documents.GOOD, "passed", engine(5.04)), one(documents.CULPRIT, "failed", engine(5.0))
    )
    assert rows(document) == {"EngineCore [4]": ("5.0 s (1)", "5.0 s (1)", "+0.0 s")}


def test_of_one_commit_there_is_one_column_and_what_never_became_ready(printed):
    """`repro`: nothing is good or bad, and a run that told nothing started its processes as well."""
    found = documents.repro().repro.model_copy(update={"against": None})
    never = [documents.process(f"ApiServer_{rank}", 10 + rank, None) for rank in range(4)]
    trials = (
        one(documents.CULPRIT, "failed", engine(7.0), *never),
        one(documents.CULPRIT, "errored", engine(9.0)),
    )
    document = session(*trials, repro=found, bad=documents.CULPRIT)
    assert rows(document) == {
        "EngineCore [4]": ("8.0 s (2)", ""),
        "ApiServer [4]": ("none of 4 ready", ""),
    }
    shown = printed(render_start_ups(document))
    assert documents.CULPRIT[:9] in shown
    assert not any(word in shown for word in ("good", "bad", "difference"))
    table = f"| process | `{documents.CULPRIT[:9]}` |\n|---|---|\n| `EngineCore [4]` | 8.0 s (2) |\n"
    assert table in markdown(document)


def test_two_compared_commits_are_named():
    trials = (one(documents.PARENT, "failed", engine(5.0)), one(documents.CULPRIT, "passed", engine(7.0)))
    document = session(*trials, repro=documents.repro().repro, bad=documents.CULPRIT)
    assert rows(document) == {"EngineCore [4]": ("5.0 s (1)", "7.0 s (1)", "+2.0 s")}
    head = f"| process | `{documents.PARENT[:9]}` | `{documents.CULPRIT[:9]}` | difference |"
    assert f"{head}\n|---|---|---|---|\n" in markdown(document)


def test_a_cell_that_fails_at_both_ends_makes_no_commit_bad():
    """Such as one that the fix looked for does not mend."""
    mended, other = documents.RED_CELLS[:2]
    passed = documents.trial(
        documents.CULPRIT, "narrow", {mended: "passed", other: "failed"}, timeline=(engine(5.0),)
    )
    cells = {mended: documents.red(), other: documents.red(finding="always red")}
    document = session(passed, one(documents.PARENT, "failed", engine(6.0)), find="fix", cells=cells)
    assert rows(document) == {"EngineCore [4]": ("5.0 s (1)", "6.0 s (1)", "+1.0 s")}


def test_no_section_without_a_timeline(printed):
    document = documents.command()
    assert render_start_ups(document) is None
    assert START_UP not in printed(render_report(document))
    assert START_UP not in markdown(document)


def test_both_reports_have_the_section(printed):
    document = documents.culprit()
    assert START_UP in printed(render_report(document))
    assert START_UP in markdown(document)
