"""Start-up times that differ between good and bad commits."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.json_document.document import MachineLoad, Skipped
from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown
from bisect_tool.render.startup import (
    BAD,
    DIFFERENCE,
    DIFFERENT_START_UP,
    GOOD,
    START_UP,
    render_start_ups,
    sides,
    sides_of,
    start_ups,
)


def rows(document):
    return {row.name: (*map(str, row.spans), row.difference) for row in start_ups(document)}


def session(*trials, **more):
    return documents.document(trials=trials, **more)


def one(sha, outcome, *processes, **more):
    return documents.trial(sha, "narrow", {documents.RED_CELLS[0]: outcome}, timeline=processes, **more)


def engine(seconds):
    return documents.process("EngineCore_DP0", 7, seconds)


def good(*seconds, sha=documents.GOOD):
    return [one(sha, "passed", engine(each)) for each in seconds]


def bad(*seconds, sha=documents.CULPRIT):
    return [one(sha, "failed", engine(each)) for each in seconds]


GOODS, BADS = good(5.0, 5.2, 5.4, 5.6), bad(7.0, 7.2, 7.4, 7.6)


def test_a_start_that_takes_longer_at_bad_commits_has_its_interval():
    assert rows(session(*GOODS, *BADS)) == {
        "EngineCore [4]": ("5.3 s (4)", "7.3 s (4)", "+2.0 s (+1.4 s to +2.6 s)")
    }


@pytest.mark.parametrize(
    "trials",
    [
        [*GOODS[:3], *BADS[:3]],
        [*GOODS, *bad(5.1, 5.3, 5.5, 9.0)],
        [*GOODS],
        [*BADS],
        [*good(5.0, 5.01, 5.02, 5.03), *bad(5.04, 5.05, 5.06, 5.07)],
    ],
    ids=["too few", "by chance", "no bad commit", "no good commit", "below clock resolution"],
)
def test_difference_within_chance_is_not_reported(printed, trials):
    document = session(*trials)
    assert rows(document) == {}
    assert render_start_ups(document) is None
    assert "Start-up" not in markdown(document)


def test_trials_on_a_busy_machine_do_not_count():
    """A bad end on a busy machine once showed +11 s that the commit did not cause."""
    load = MachineLoad(busy="CPU pressure 60%", cpus=2, load_before=8.0, load_after=8.0)
    busy = [trial.model_copy(update={"load": load}) for trial in bad(16.0, 16.1, 16.2, 16.3)]
    assert rows(session(*GOODS, *busy, *bad(5.1, 5.2))) == {}
    assert rows(session(*GOODS, *busy, *BADS)) == rows(session(*GOODS, *BADS))
    quiet = load.model_copy(update={"busy": ""})
    assert rows(session(*GOODS, *(trial.model_copy(update={"load": quiet}) for trial in BADS)))


def test_trial_counts_once_for_any_number_of_processes():
    def crowd(sha, outcome, base):
        servers = [documents.process(f"ApiServer_{rank}", 10 + rank, base + rank) for rank in range(40)]
        return one(sha, outcome, *servers)

    assert rows(session(crowd(documents.GOOD, "passed", 1.0), crowd(documents.CULPRIT, "failed", 50.0))) == {}


def test_process_that_is_never_ready_at_bad_commits_is_reported():
    assert rows(session(*GOODS, *bad(None, None, None, None))) == {
        "EngineCore [4]": ("5.3 s (4)", "0 of 4 ready", "")
    }
    assert rows(session(*GOODS, *bad(None, 5.2, 5.1, 5.3))) == {}


@pytest.mark.parametrize("outcome", ["errored", "unbuildable", "infrastructure", "skipped"])
def test_commit_without_a_result_is_on_neither_side(outcome):
    inconclusive = [one(documents.BROKEN, outcome, engine(7.0 + number)) for number in range(4)]
    assert sides_of(session(*GOODS, *inconclusive)) == {documents.GOOD: GOOD}
    assert rows(session(*GOODS, *inconclusive)) == {}


def test_a_commit_at_which_a_cell_ever_failed_is_bad():
    document = session(*good(5.0, sha=documents.CULPRIT), *bad(7.0))
    assert sides_of(document) == {documents.CULPRIT: BAD}


def test_another_failure_is_on_neither_side():
    skipped = documents.red(skipped=(Skipped(sha=documents.BROKEN, reason="another failure"),))
    document = session(*bad(50.0, sha=documents.BROKEN), cells={documents.RED_CELLS[0]: skipped})
    assert sides_of(document) == {}


def repeated(*trials):
    found = documents.repro().repro.model_copy(update={"against": None})
    return session(*trials, repro=found, bad=documents.CULPRIT)


def test_ranks_of_one_role_are_one_row():
    servers = [documents.process(f"ApiServer_{rank}", 10 + rank, 2.0 + rank) for rank in range(3)]
    late = documents.process("ApiServer_3", 13, None)
    assert rows(repeated(one(documents.CULPRIT, "passed", *servers, late))) == {
        "ApiServer [4]": ("3.0 s (3 of 4)", "")
    }


def test_a_process_in_a_log_of_no_rank_has_no_topology():
    process = documents.process("Worker_DP0_TP1", 7, 1.25, "suite")
    assert rows(repeated(one(documents.CULPRIT, "passed", process))) == {"Worker": ("1.2 s (1)", "")}


def test_ready_before_it_was_spawned_is_no_negative_time():
    document = repeated(one(documents.CULPRIT, "passed", engine(-0.1)))
    assert rows(document) == {"EngineCore [4]": ("0.0 s (1)", "")}


def compared(*trials):
    return session(*trials, repro=documents.repro().repro, bad=documents.CULPRIT)


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    document = compared(
        one(documents.PARENT, "passed", engine(5.04)), one(documents.CULPRIT, "failed", engine(5.0))
    )
    assert rows(document) == {"EngineCore [4]": ("5.0 s (1)", "5.0 s (1)", "+0.0 s")}


def test_single_commit_has_one_column_with_processes_that_were_never_ready(printed):
    """In `repro`, commits are not good or bad, and inconclusive runs count."""
    found = documents.repro().repro.model_copy(update={"against": None})
    never = [documents.process(f"ApiServer_{rank}", 10 + rank, None) for rank in range(4)]
    trials = (
        one(documents.CULPRIT, "failed", engine(7.0), *never),
        one(documents.CULPRIT, "errored", engine(9.0)),
    )
    document = session(*trials, repro=found, bad=documents.CULPRIT)
    assert rows(document) == {
        "EngineCore [4]": ("8.0 s (2)", ""),
        "ApiServer [4]": ("0 of 4 ready", ""),
    }
    shown = printed(render_start_ups(document))
    assert documents.CULPRIT[:9] in shown
    assert not any(word in shown for word in ("good", "bad", "difference"))
    table = f"| process | `{documents.CULPRIT[:9]}` |\n|---|---|\n| `EngineCore [4]` | 8.0 s (2) |\n"
    assert table in markdown(document)


def test_the_one_commit_of_step_has_its_table():
    document = session(*bad(7.0, sha=documents.BAD), command="step", good=())
    assert sides(document) == (documents.BAD[:9],)
    assert rows(document) == {"EngineCore [4]": ("7.0 s (1)", "")}


def test_two_compared_commits_have_a_column_each():
    document = compared(
        one(documents.PARENT, "failed", engine(5.0)), one(documents.CULPRIT, "passed", engine(7.0))
    )
    assert rows(document) == {"EngineCore [4]": ("5.0 s (1)", "7.0 s (1)", "+2.0 s")}
    head = f"| process | `{documents.PARENT[:9]}` | `{documents.CULPRIT[:9]}` | {DIFFERENCE} |"
    assert f"{head}\n|---|---|---|---|\n" in markdown(document)


def test_compared_commits_have_an_interval_where_there_are_enough_runs():
    trials = (*good(5.0, 5.2, 5.4, 5.6, sha=documents.PARENT), *BADS)
    assert rows(compared(*trials))["EngineCore [4]"][-1] == "+2.0 s (+1.4 s to +2.6 s)"


def test_a_cell_that_fails_at_both_ends_makes_no_commit_bad():
    """Such as a cell that the fix does not fix."""
    fixed, other = documents.RED_CELLS[:2]
    passed = documents.trial(documents.CULPRIT, "narrow", {fixed: "passed", other: "failed"})
    cells = {fixed: documents.red(), other: documents.red(finding="always red")}
    document = session(passed, *bad(6.0, sha=documents.PARENT), find="fix", cells=cells)
    assert sides_of(document) == {documents.CULPRIT: GOOD, documents.PARENT: BAD}


def test_no_section_without_a_timeline(printed):
    document = documents.command()
    assert render_start_ups(document) is None
    assert "Start-up" not in printed(render_report(document))
    assert "Start-up" not in markdown(document)


def test_both_reports_have_the_section(printed):
    document = session(*GOODS, *BADS)
    assert DIFFERENT_START_UP in printed(render_report(document))
    assert DIFFERENT_START_UP in markdown(document)
    assert START_UP in printed(render_report(repeated(*BADS)))
