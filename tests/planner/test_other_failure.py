"""A culprit that fails differently from the bad end is suspect; one that fails in the same way is not."""

from __future__ import annotations

from collections import Counter

import pytest

from bisect_tool.evidence import command_failure
from bisect_tool.planner import Finding, decide
from bisect_tool.planner.bisect import conclude_early
from bisect_tool.planner.cell_runs import CellRuns
from bisect_tool.planner.other_failure import other_failure
from bisect_tool.planner.types import Goal
from bisect_tool.search import Dag
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome, Verdict

PARENTS = {"found": ("good",), "between": ("found",), "bad": ("between",)}


def trial(sha, output, code=1):
    lines = output.splitlines()
    cell = CellResult(
        cell="command", outcome=Outcome.FAILED, failure=command_failure(lines, code, 1.0, "suite")
    )
    return TrialResult(sha=sha, cells=(cell,), outcome=Outcome.FAILED, started="", seconds=1.0)


def compared(*trials):
    goal = Goal(dag=Dag(PARENTS), goods=("good",), bad="bad", by_exit_code=True)
    cell_runs = CellRuns.of(goal, "command", trials)
    assert {run.verdict for run in cell_runs.runs} == {Verdict.BAD}
    found = other_failure(cell_runs, ("found",), ("bad",))
    return None if found is None else (found.found, found.failing_end)


def test_different_exception_is_another_failure():
    trials = [trial("bad", "AssertionError: 3 != 4"), *[trial("found", "ImportError: no spam")] * 2]
    assert compared(*trials) == ("exit code 1: ImportError: no spam", "exit code 1: AssertionError: 3 != 4")


def test_different_exit_code_is_another_failure():
    assert compared(trial("bad", "no", 1), trial("found", "no", 2)) == ("exit code 2: no", "exit code 1: no")


def test_one_failure_in_common_is_enough():
    both = "FAILED a.py::test_a - KeyError: 'a'\nFAILED a.py::test_b - KeyError: 'b'"
    assert compared(trial("bad", both), *[trial("found", both.splitlines()[1])] * 2) is None


def test_any_failure_of_a_flaky_bad_end_may_match():
    trials = [trial("bad", "OSError: busy"), trial("bad", "KeyError: 'a'"), trial("found", "KeyError: 'a'")]
    assert compared(*trials) is None


def test_message_that_varies_at_one_commit_is_ignored():
    trials = [trial("bad", "ValueError: pear"), trial("found", "ValueError: apple")]
    assert compared(*trials) is not None
    assert compared(*trials, trial("found", "ValueError: plum")) is None


def test_last_line_counts_if_repeated():
    trials = [trial("bad", "wrong result"), trial("found", "cannot connect")]
    assert compared(*trials) is None
    assert compared(*trials, trial("found", "cannot connect")) is not None


def test_last_line_that_differs_at_every_commit_is_ignored():
    trials = [trial("bad", "Drop plum"), *[trial("found", "Add apple")] * 2]
    assert compared(*trials) is not None
    assert compared(*trials, trial("between", "Add pear")) is None


def test_last_line_with_the_commit_id_is_ignored():
    parents = {"4f0c2b1aa9": ("good",), "bad": ("4f0c2b1aa9",)}
    goal = Goal(dag=Dag(parents), goods=("good",), bad="bad", by_exit_code=True)
    trials = [trial("bad", "bad Add pear"), *[trial("4f0c2b1aa9", "v1-2-g4f0c2b1 Add apple")] * 2]
    cell_runs = CellRuns.of(goal, "command", trials)
    assert other_failure(cell_runs, ("4f0c2b1aa9",), ("bad",)) is None


def test_two_empty_outputs_are_the_same_failure():
    assert compared(trial("bad", ""), *[trial("found", "")] * 2) is None


# --- a check that reports one of several errors by chance ---------------------------------------------------

GREEN = TrialResult(
    sha="good",
    cells=(CellResult(cell="command", outcome=Outcome.PASSED),),
    outcome=Outcome.PASSED,
    started="",
    seconds=1.0,
)


def simulate(outputs, parents=PARENTS):
    """The conclusion, and the number of runs of each commit.

    `outputs` lists the output of the runs at each commit; the last one is repeated, and an empty one passes.
    """
    goal = Goal(dag=Dag(parents), goods=("good",), bad="bad", by_exit_code=True)
    trials, seen = [], Counter()
    while (step := decide(goal, trials).step) is not None:
        texts = outputs[step.sha]
        text = texts[min(seen[step.sha], len(texts) - 1)]
        seen[step.sha] += 1
        trials.append(trial(step.sha, text) if text else GREEN.model_copy(update={"sha": step.sha}))
    (conclusion,) = decide(goal, trials).conclusions
    return conclusion, seen


ALWAYS_A, ALWAYS_B = ["a.c:1: error: no a"], ["b.c:1: error: no b"]


def test_both_commits_are_run_again_before_one_is_suspect():
    outputs = {"good": [""], "found": ALWAYS_A, "between": ALWAYS_A, "bad": ALWAYS_B}
    conclusion, seen = simulate(outputs)
    assert (conclusion.finding, conclusion.culprit) == (Finding.SUSPECT, "found")
    assert (seen["found"], seen["bad"]) == (3, 3)


@pytest.mark.parametrize("where", ["found", "bad"])
def test_rerun_with_the_other_error_removes_the_doubt(where):
    outputs = {"good": [""], "found": ALWAYS_A, "between": ALWAYS_A, "bad": ALWAYS_B}
    one, other = outputs[where][0], (ALWAYS_A + ALWAYS_B)[where == "found"]
    conclusion, _ = simulate({**outputs, where: [one, one, other]})
    assert (conclusion.finding, conclusion.culprit) == (Finding.CULPRIT, "found")


def test_same_failure_needs_no_extra_run():
    outputs = {"good": [""], "found": ALWAYS_A, "between": ALWAYS_A, "bad": ALWAYS_A}
    conclusion, seen = simulate(outputs)
    assert (conclusion.finding, seen["bad"]) == (Finding.CULPRIT, 1)


@pytest.mark.parametrize(
    ("between", "finding"), [("Add pear", Finding.CULPRIT), ("Add apple", Finding.SUSPECT)]
)
def test_third_commit_shows_whether_each_has_a_last_line_of_its_own(between, finding):
    parents = {"one": ("good",), "two": ("one",), **PARENTS, "found": ("two",)}
    passing = {key: [""] for key in ("good", "one", "two")}
    outputs = {**passing, "found": ["Add apple"], "between": [between], "bad": ["Add plum"]}
    conclusion, seen = simulate(outputs, parents)
    assert (conclusion.finding, conclusion.culprit) == (finding, "found")
    assert seen["between"] == 1


def test_exhausted_budget_leaves_the_culprit_suspect():
    goal = Goal(dag=Dag(PARENTS), goods=("good",), bad="bad", by_exit_code=True)
    green = [GREEN] * 2
    trials = [trial("bad", *ALWAYS_B), *[trial("found", *ALWAYS_A)] * 2, *green]
    assert decide(goal, trials).step.sha == "bad"
    (conclusion,) = conclude_early(goal, trials).conclusions
    assert (conclusion.finding, conclusion.culprit) == (Finding.SUSPECT, "found")
