"""What is said of one cell, mostly from trials that are written down by hand."""

from __future__ import annotations

import pytest
from worlds import GOOD, World, failure, line, play, result

from bisect_tool.evidence import command_failure
from bisect_tool.planner import Finding, Goal, Purpose, conclude_early, decide
from bisect_tool.planner.cell import CellSearch
from bisect_tool.planner.cell_runs import CellRuns
from bisect_tool.planner.order_dependence import dependence, failed_only_with_predecessors, isolation
from bisect_tool.search import Dag
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome, Verdict

PASSED, FAILED, ERRORED = Outcome.PASSED, Outcome.FAILED, Outcome.ERRORED
INFRASTRUCTURE = Outcome.INFRASTRUCTURE


def goal(length=4, **more):
    return Goal(**{"dag": Dag(line(length)), "goods": (GOOD,), "bad": f"c{length - 1}", **more})


def cell(outcome=PASSED, name="cell", said="lost its engine", **more):
    evidence = failure(said) if outcome is FAILED else None
    return CellResult(cell=name, outcome=outcome, failure=evidence, **more)


def ran(sha, *cells, whole=False):
    return result(sha, cells, Outcome.PASSED, whole=whole)


# --- conclusions --------------------------------------------------------------------------------------------


def test_the_evidence_of_a_culprit_is_its_own_and_not_that_of_the_bad_end():
    def red(sha, text):
        said = command_failure([f"KeyError: {text!r}"], 1, 1.0, "suite")
        return ran(sha, CellResult(cell="cell", outcome=FAILED, failure=said))

    bad = [
        red(sha, text) for sha, text in (("c3", "late"), ("c2", "late"), ("c1", "early")) for _ in range(4)
    ]
    good = [ran(sha, cell()) for sha in ("c0", GOOD) for _ in range(4)]
    (found,) = decide(goal(by_exit_code=True), [*bad, *good]).conclusions
    assert found.culprit == "c1"
    assert "early" in found.failure.root.message


@pytest.mark.parametrize(
    ("fix", "silent", "finding"),
    [
        (False, {"c0", GOOD}, Finding.SUSPECT),
        (False, {"c3"}, Finding.CULPRIT),
        (True, {"c1", "c2", "c3"}, Finding.SUSPECT),
        (True, {"c2", "c3"}, Finding.CULPRIT),
    ],
)
def test_a_culprit_is_suspect_if_no_test_ran_where_it_passes_next_to_it(fix, silent, finding):
    """The commit c1 breaks the cell, or fixes it; `silent` are commits at which no test runs."""
    broken = ("c0", GOOD) if fix else ("c3", "c2", "c1")
    trials = [
        ran(sha, cell(FAILED) if sha in broken else cell(no_tests="0 passing" if sha in silent else ""))
        for sha in ("c3", "c2", "c1", "c0", GOOD)
        for _ in range(4)
    ]
    (found,) = decide(goal(fix=fix), trials).conclusions
    assert (found.culprit, found.finding) == ("c1", finding)
    note = f"at {'c1' if fix else 'c0'} it passes without running a test: 0 passing"
    assert found.note == (note if finding is Finding.SUSPECT else "")


def test_a_cell_that_is_green_because_no_test_ran_says_so():
    trials = [ran("c3", cell(no_tests="0 passing")) for _ in range(2)]
    (found,) = decide(goal(), trials).conclusions
    assert (found.finding, found.note) == (Finding.GREEN, "it passes without running a test: 0 passing")


def test_a_cell_that_is_green_although_tests_failed_says_so():
    trials = [ran("c3", cell(failed_tests=("test_a", "test_b"))) for _ in range(2)]
    (found,) = decide(goal(), trials).conclusions
    note = "it passes, although its output reports failed tests: test_a and test_b"
    assert (found.finding, found.note) == (Finding.GREEN, note)


@pytest.mark.parametrize(
    ("hidden", "finding"),
    [(("test_a", "test_b"), Finding.SUSPECT), (("test_b",), Finding.CULPRIT), ((), Finding.CULPRIT)],
)
def test_a_culprit_is_suspect_if_its_tests_fail_where_the_check_passes_next_to_it(hidden, finding):
    said = command_failure(["FAILED t.py::test_a - assert 2 == 1", "1 failed in 0.1s"], 1, 1.0, "suite")
    red = CellResult(cell="cell", outcome=FAILED, failure=said)
    green = cell(failed_tests=hidden)
    trials = [
        ran(sha, red if sha in ("c3", "c2", "c1") else green)
        for sha in ("c3", "c2", "c1", "c0", GOOD)
        for _ in range(4)
    ]
    (found,) = decide(goal(), trials).conclusions
    assert (found.culprit, found.finding) == ("c1", finding)
    assert ("failed tests: test_a and test_b" in found.note) == (finding is Finding.SUSPECT)


def test_a_merge_is_no_suspect_if_tests_passed_at_one_of_its_parents():
    parents = {"a": (GOOD,), "b": (GOOD,), "m": ("a", "b")}
    verdicts = {"m": cell(FAILED), "a": cell(no_tests="0 passing"), "b": cell()}
    trials = [ran(sha, each) for sha, each in verdicts.items() for _ in range(4)]
    (found,) = decide(Goal(Dag(parents), (GOOD,), "m"), trials).conclusions
    assert (found.culprit, found.finding) == ("m", Finding.CULPRIT)


def test_the_evidence_of_a_culprit_is_a_failure_that_the_bad_end_has_if_it_also_failed_by_chance():
    def red(sha, text):
        said = command_failure([f"OSError: {text}"], 1, 1.0, "suite")
        return ran(sha, CellResult(cell="cell", outcome=FAILED, failure=said))

    outage = red("c1", "name resolution failed")
    rest = [red(sha, "no such key") for sha in ("c1", "c1", "c2", "c2", "c3", "c3")]
    good = [ran(sha, cell()) for sha in ("c0", GOOD) for _ in range(4)]
    (found,) = decide(goal(by_exit_code=True), [outage, *rest, *good]).conclusions
    assert (found.culprit, found.finding) == ("c1", Finding.CULPRIT)
    assert "no such key" in found.failure.root.message


def test_broken_runs_exclude_those_without_prerequisites():
    """Alone it passes at bad commits, too."""
    world = World(line(8), {"a[1]": None, "b[1]": None, "c[4]": "c4"}, followers={"c[4]": ("b[1]",)})
    played = play(world)
    assert played.runs("c7", "c[4]", PASSED) >= 4
    broken = played.of("c[4]").broken
    assert broken.runs == broken.failed >= 3


def test_find_fix_confirms_the_failing_parent_alone():
    """The failing end runs every cell; a cell that fails only after others would make it the last bad one."""
    played = play(World(line(8), {"first": None, "second": "c0"}, fix=True))
    assert played.of("second").culprit == "c0"
    alone = [trial.sha for trial in played.trials if trial.names == ("second",)]
    assert GOOD in alone


def test_parent_that_failed_after_other_cells_is_confirmed_alone():
    """The failing end of a search for a fix, which ran every cell: a cell of the same group ran before."""
    fix = goal(fix=True)
    whole = [ran(GOOD, cell(name="before"), cell(FAILED), whole=True)] * 4
    fixed = [ran(sha, cell()) for sha in ("c0", "c1") for _ in range(4)]
    required = CellSearch.of(fix, "cell", [*whole, *fixed]).required
    assert (required.sha, required.cells, required.purpose) == (GOOD, ("cell",), Purpose.CONFIRM)
    settled = CellSearch.of(fix, "cell", [*whole, *fixed, ran(GOOD, cell(FAILED))])
    assert (settled.required, settled.conclusion.culprit) == (None, "c0")


@pytest.mark.parametrize(("passes", "finding"), [(1, Finding.UNVERIFIED), (2, Finding.GREEN)])
def test_one_pass_before_a_budget_ends_does_not_make_a_cell_green(passes, finding):
    (found,) = conclude_early(goal(endpoint_runs=2), [ran("c3", cell())] * passes).conclusions
    assert found.finding is finding
    assert ("has not failed yet" in found.note) is (finding is Finding.UNVERIFIED)


def test_a_budget_that_ends_leaves_what_no_run_speaks_against():
    trials = [ran("c7", cell(FAILED)), ran("c3", cell())]
    (found,) = conclude_early(goal(8), trials).conclusions
    assert (found.finding, found.note) == (Finding.CANDIDATES, "the budget was used up")
    assert set(found.candidates) == {"c4", "c5", "c6", "c7"}


@pytest.mark.parametrize(
    ("fix", "word", "note"),
    [
        (False, "failed", "it already fails at elder, outside the range, and passes at later commits"),
        (True, "passed", "it already passes at elder, outside the range, and fails at later commits"),
    ],
)
def test_a_breakage_outside_the_range_is_noted_as_failing_or_passing(fix, word, note):
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    found = play(World(parents, {"cell": "side"}, {"elder": [word]}, fix=fix)).of("cell")
    assert (found.finding, found.note) == (Finding.UNVERIFIED, note)


def test_a_failing_end_that_passes_each_time_is_not_called_always_red():
    """Of two ends at which the cell was said to fail, one passes: it was fixed below the range."""
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    world = World(parents, {"cell": "side"}, {"elder": ["passed"]}, fix=True)
    found = play(world, world.goal(goods=(GOOD, "elder"))).of("cell")
    assert found.finding is Finding.UNVERIFIED
    assert found.note == "it already passes at elder, outside the range, and fails at later commits"


# --- runs that are judged -----------------------------------------------------------------------------------


def judged(*trials, **more):
    return CellRuns.of(goal(**more), "cell", [ran("c3", cell(FAILED)), *trials])


@pytest.mark.parametrize(
    ("outcomes", "retries", "given_up"),
    [
        ([ERRORED], 1, True),
        ([INFRASTRUCTURE], 1, False),
        ([INFRASTRUCTURE] * 2, 1, True),
        ([INFRASTRUCTURE] * 2, 2, False),
        ([INFRASTRUCTURE], 0, True),
        ([PASSED, ERRORED], 0, False),
        ([PASSED, ERRORED, ERRORED], 0, True),
        ([PASSED, ERRORED, ERRORED], 1, False),
        ([PASSED, PASSED, ERRORED, ERRORED], 0, False),
        ([INFRASTRUCTURE, ERRORED], 1, True),
    ],
)
def test_a_commit_is_given_up_after_more_inconclusive_runs_than_retries(outcomes, retries, given_up):
    """One run without a result for every verdict, and as many more as there are retries of lost ones."""
    known = judged(*[ran("c1", cell(outcome)) for outcome in outcomes])
    assert ("c1" in known.given_up(retries)) is given_up
    assert (("c1", Verdict.SKIP) in known.observations(retries)) is given_up


def test_observations_are_verdicts_in_order_then_abandoned_commits():
    known = judged(ran("c1", cell(ERRORED)), ran("c2", cell()), ran("c2", cell(FAILED)))
    assert known.observations(1) == (
        *(("c3", Verdict.BAD), ("c2", Verdict.GOOD), ("c2", Verdict.BAD)),
        ("c1", Verdict.SKIP),
    )


def test_inconclusive_commit_is_skipped_unless_another_run_is_conclusive():
    known = judged(
        ran("c1", cell(ERRORED, reason="no GPU")), ran("c2", cell(ERRORED, reason="x")), ran("c2", cell())
    )
    assert known.skipped() == (("c1", "no GPU"),)


def test_counts_have_every_failure_and_no_inconclusive_run():
    known = judged(ran("c1", cell(FAILED, said="another thing")), ran("c1", cell()), ran("c1", cell(ERRORED)))
    assert (known.counts(("c1",)).runs, known.counts(("c1",)).failed) == (2, 1)
    assert known.conclusive(Verdict.BAD) == {"c3"}, "another failure is no verdict on the commit"


def test_evidence_at_a_commit_prefers_verdicts_to_skips():
    known = judged(ran("c1", cell(FAILED, said="another thing")), ran("c1", cell(FAILED)))
    assert known.failure("c1").root.message == "lost its engine"
    assert judged(ran("c1", cell(FAILED, said="another thing"))).failure("c1").root.message == "another thing"
    assert judged().failure("c1") is None


def test_runs_after_other_cells_are_those_in_which_all_of_them_ran_before():
    first, second = cell(name="first"), cell(name="second")
    known = judged(ran("c1", first, second, cell()), ran("c2", first, cell(), second), ran("c0", cell()))
    assert [run.sha for run in known.with_predecessors(("first", "second")).runs] == ["c1"]
    assert [run.sha for run in known.with_predecessors(("first",)).runs] == ["c1", "c2"]
    assert known.with_predecessors(()) is known


# --- cells that fail only after others ----------------------------------------------------------------------


def order_dependent(red, green, *, alone=True):
    """So many runs of the bad end that failed after `before`, and so many that passed without it."""
    before = cell(name="before[1]")
    dependent = [ran("c3", before, cell(FAILED, "cell[4]"), whole=True)] * red
    others = [ran("c3", *([] if alone else [cell(name="other[1]")]), cell(PASSED, "cell[4]"))] * green
    return CellRuns.of(goal(), "cell[4]", [*dependent, *others])


def test_order_dependence_needs_three_failures_and_four_isolated_passes():
    def asked(red, green):
        found = dependence(order_dependent(red, green), "cell[4]")
        return found.prerequisites, found.missing and found.missing.cells

    assert asked(1, 0) == ((), None)
    assert asked(2, 4) == ((), ("before[1]", "cell[4]"))
    assert asked(3, 3) == ((), ("cell[4]",))
    assert asked(3, 4) == (("before[1]",), None)
    assert dependence(order_dependent(2, 4), "cell[4]").missing.purpose is Purpose.ISOLATED


def test_a_pass_after_a_part_is_seen_twice_before_that_part_is_left_out():
    """After the first alone it passed once: that can be chance."""
    first, second, last = (cell(name=f"{name}[1]") for name in ("first", "second", "third"))
    together = [ran("c3", first, second, last, cell(FAILED, "cell[4]"))] * 3
    shorter = [ran("c3", first, cell(FAILED, "cell[4]"))]
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    known = dependence(CellRuns.of(goal(), "cell[4]", [*shorter, *together, *alone]), "cell[4]")
    assert (known.prerequisites, known.missing) == (("first[1]",), None)
    asked = dependence(CellRuns.of(goal(), "cell[4]", [*shorter, *together[:1], *alone]), "cell[4]").missing
    assert asked.cells == ("first[1]", "second[1]", "third[1]", "cell[4]"), "the largest company is run again"
    once = [ran("c3", first, cell(PASSED, "cell[4]"))]
    known = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone, *once]), "cell[4]")
    assert (known.prerequisites, known.missing.cells) == ((), ("first[1]", "cell[4]"))
    known = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone, *once, *once]), "cell[4]")
    assert known.missing.cells == ("second[1]", "third[1]", "cell[4]")


def test_cells_of_the_same_group_are_tried_in_the_order_they_ran_in():
    """No cell of another group explains it: what ran before it of its own group does."""
    before = cell(name="before[4]")
    together = [ran("c3", before, cell(FAILED, "cell[4]"), whole=True)] * 2
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    missing = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone]), "cell[4]").missing
    assert (missing.cells, missing.purpose) == (("before[4]", "cell[4]"), Purpose.ORDER)


def test_a_pass_after_the_same_cells_is_chance():
    before = cell(name="before[1]")
    runs = [ran("c3", before, cell(outcome, "cell[4]")) for outcome in (FAILED, FAILED, FAILED, PASSED)]
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    known = CellRuns.of(goal(), "cell[4]", [*runs, *alone])
    assert (dependence(known, "cell[4]").prerequisites, dependence(known, "cell[4]").missing) == ((), None)


@pytest.mark.parametrize("told_nothing", [0, 1, 2])
def test_the_bad_end_is_isolated_until_two_runs_were_inconclusive(told_nothing):
    together = ran("c3", cell(name="before[1]"), cell(FAILED, "cell[4]"), whole=True)
    apart = [ran("c3", cell(INFRASTRUCTURE, "cell[4]"))] * told_nothing
    known = CellRuns.of(goal(), "cell[4]", [together, *apart])
    step = isolation(goal(), known, "cell[4]")
    assert (step is None) is (told_nothing == 2)
    assert (
        isolation(
            goal(), CellRuns.of(goal(), "cell[4]", [together, ran("c3", cell(name="cell[4]"))]), "cell[4]"
        )
        is None
    )


def test_end_that_failed_after_more_cells_than_narrowing_runs_is_in_doubt():
    whole = ran("c3", cell(name="before[1]"), cell(FAILED), whole=True)
    narrowed = ran("c1", cell())
    assert failed_only_with_predecessors(goal(), judged_all(whole, narrowed), "c3")
    assert not failed_only_with_predecessors(
        goal(), judged_all(whole, narrowed, ran("c3", cell(FAILED))), "c3"
    )
    assert not failed_only_with_predecessors(goal(), judged_all(whole), "c3"), "nothing was left out yet"
    assert not failed_only_with_predecessors(
        goal(), judged_all(whole, ran("c1", cell(name="before[1]"), cell())), "c3"
    )
    assert not failed_only_with_predecessors(goal(), judged_all(whole, narrowed), "c1"), "no end"
    assert not failed_only_with_predecessors(goal(), judged_all(narrowed), "c3"), "it never failed there"
    inside = ran("c2", cell(name="before[1]"), cell(FAILED))
    assert not failed_only_with_predecessors(goal(), judged_all(whole, narrowed, inside), "c2"), "no end"


def judged_all(*trials):
    return CellRuns.of(goal(), "cell", trials)


def test_a_cell_search_of_no_failure_is_green():
    found = CellSearch.of(goal(endpoint_runs=2), "cell", [ran("c3", cell())] * 2).conclusion
    assert found.finding is Finding.GREEN
