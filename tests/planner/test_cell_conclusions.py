"""Conclusions about one cell, mostly from hand-written trials."""

from __future__ import annotations

import pytest
from worlds import GOOD, World, failure, line, result, simulate

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


def cell(outcome=PASSED, name="cell", message="lost its engine", **more):
    evidence = failure(message) if outcome is FAILED else None
    return CellResult(cell=name, outcome=outcome, failure=evidence, **more)


def ran(sha, *cells, whole=False):
    return result(sha, cells, Outcome.PASSED, whole=whole)


# --- conclusions --------------------------------------------------------------------------------------------


def test_culprit_evidence_comes_from_the_culprit_not_the_bad_end():
    def red(sha, text):
        evidence = command_failure([f"KeyError: {text!r}"], 1, 1.0, "suite")
        return ran(sha, CellResult(cell="cell", outcome=FAILED, failure=evidence))

    bad = [
        red(sha, text) for sha, text in (("c3", "late"), ("c2", "late"), ("c1", "early")) for _ in range(4)
    ]
    good = [ran(sha, cell()) for sha in ("c0", GOOD) for _ in range(4)]
    (found,) = decide(goal(by_exit_code=True), [*bad, *good]).conclusions
    assert found.culprit == "c1"
    assert "early" in found.failure.root.message


@pytest.mark.parametrize(
    ("fix", "without_tests", "finding"),
    [
        (False, {"c0", GOOD}, Finding.SUSPECT),
        (False, {"c3"}, Finding.CULPRIT),
        (True, {"c1", "c2", "c3"}, Finding.SUSPECT),
        (True, {"c2", "c3"}, Finding.CULPRIT),
    ],
)
def test_culprit_is_suspect_if_no_test_ran_at_the_adjacent_passing_commit(fix, without_tests, finding):
    """The commit c1 breaks the cell, or fixes it; `without_tests` are commits at which no test runs."""
    broken = ("c0", GOOD) if fix else ("c3", "c2", "c1")
    trials = [
        ran(
            sha, cell(FAILED) if sha in broken else cell(no_tests="0 passing" if sha in without_tests else "")
        )
        for sha in ("c3", "c2", "c1", "c0", GOOD)
        for _ in range(4)
    ]
    (found,) = decide(goal(fix=fix), trials).conclusions
    assert (found.culprit, found.finding) == ("c1", finding)
    note = f"at {'c1' if fix else 'c0'} it passes without running a test: 0 passing"
    assert found.note == (note if finding is Finding.SUSPECT else "")


def test_green_cell_without_tests_has_a_note():
    trials = [ran("c3", cell(no_tests="0 passing")) for _ in range(2)]
    (found,) = decide(goal(), trials).conclusions
    assert (found.finding, found.note) == (Finding.GREEN, "it passes without running a test: 0 passing")


def test_green_cell_with_failed_tests_has_a_note():
    trials = [ran("c3", cell(failed_tests=("test_a", "test_b"))) for _ in range(2)]
    (found,) = decide(goal(), trials).conclusions
    note = "it passes, although its output reports failed tests: test_a and test_b"
    assert (found.finding, found.note) == (Finding.GREEN, note)


@pytest.mark.parametrize(
    ("hidden", "finding"),
    [(("test_a", "test_b"), Finding.SUSPECT), (("test_b",), Finding.CULPRIT), ((), Finding.CULPRIT)],
)
def test_culprit_is_suspect_if_its_tests_fail_at_the_adjacent_passing_commit(hidden, finding):
    evidence = command_failure(["FAILED t.py::test_a - assert 2 == 1", "1 failed in 0.1s"], 1, 1.0, "suite")
    red = CellResult(cell="cell", outcome=FAILED, failure=evidence)
    green = cell(failed_tests=hidden)
    trials = [
        ran(sha, red if sha in ("c3", "c2", "c1") else green)
        for sha in ("c3", "c2", "c1", "c0", GOOD)
        for _ in range(4)
    ]
    (found,) = decide(goal(), trials).conclusions
    assert (found.culprit, found.finding) == ("c1", finding)
    assert ("failed tests: test_a and test_b" in found.note) == (finding is Finding.SUSPECT)


def test_culprit_is_believed_if_something_else_than_the_hidden_tests_fails():
    lines = ["FAILED t.py::test_a - assert 2 == 1", "1 failed in 0.1s", "ValueError: bad code"]
    red = CellResult(cell="cell", outcome=FAILED, failure=command_failure(lines, 1, 1.0, "suite"))
    broken = ("c3", "c2", "c1")
    trials = [
        ran(sha, red if sha in broken else cell(failed_tests=("test_a",)))
        for sha in (*broken, "c0", GOOD)
        for _ in range(4)
    ]
    (found,) = decide(goal(), trials).conclusions
    assert (found.culprit, found.finding) == ("c1", Finding.CULPRIT)


@pytest.mark.parametrize("everywhere", [False, True])
def test_commit_is_skipped_if_no_test_ran_only_there(everywhere):
    """No test runs at c1, and none at the later commits either if `everywhere`."""

    def red(sha):
        evidence = command_failure(["error"], 4 if everywhere or sha == "c1" else 1, 1.0, "suite")
        no_tests = "no tests ran in 0.01s" if everywhere or sha == "c1" else ""
        return CellResult(cell="cell", outcome=FAILED, failure=evidence, no_tests=no_tests)

    trials = [ran(sha, red(sha)) for sha in ("c4", "c3", "c1") for _ in range(4)]
    trials += [ran(sha, cell()) for sha in (*(() if everywhere else ("c2",)), "c0", GOOD) for _ in range(4)]
    (found,) = decide(goal(5, by_exit_code=True), trials).conclusions
    assert (found.culprit, found.finding) == ("c1" if everywhere else "c3", Finding.CULPRIT)
    reason = (("c1", "no test ran: no tests ran in 0.01s"),)
    assert found.skipped == (() if everywhere else reason)


def test_merge_is_not_suspect_if_tests_passed_at_one_parent():
    parents = {"a": (GOOD,), "b": (GOOD,), "m": ("a", "b")}
    verdicts = {"m": cell(FAILED), "a": cell(no_tests="0 passing"), "b": cell()}
    trials = [ran(sha, each) for sha, each in verdicts.items() for _ in range(4)]
    (found,) = decide(Goal(Dag(parents), (GOOD,), "m"), trials).conclusions
    assert (found.culprit, found.finding) == ("m", Finding.CULPRIT)


def test_culprit_evidence_prefers_the_failure_of_the_bad_end():
    def red(sha, text):
        evidence = command_failure([f"OSError: {text}"], 1, 1.0, "suite")
        return ran(sha, CellResult(cell="cell", outcome=FAILED, failure=evidence))

    outage = red("c1", "name resolution failed")
    rest = [red(sha, "no such key") for sha in ("c1", "c1", "c2", "c2", "c3", "c3")]
    good = [ran(sha, cell()) for sha in ("c0", GOOD) for _ in range(4)]
    (found,) = decide(goal(by_exit_code=True), [outage, *rest, *good]).conclusions
    assert (found.culprit, found.finding) == ("c1", Finding.CULPRIT)
    assert "no such key" in found.failure.root.message


def test_broken_runs_exclude_those_without_prerequisites():
    """Without them the cell passes at bad commits, too."""
    world = World(line(8), {"a[1]": None, "b[1]": None, "c[4]": "c4"}, followers={"c[4]": ("b[1]",)})
    search = simulate(world)
    assert search.runs("c7", "c[4]", PASSED) >= 4
    broken = search.of("c[4]").broken
    assert broken.runs == broken.failed >= 3


def test_find_fix_confirms_the_failing_parent_alone():
    """The failing end runs every cell; a cell that fails only after others would make it the last bad one."""
    search = simulate(World(line(8), {"first": None, "second": "c0"}, fix=True))
    assert search.of("second").culprit == "c0"
    alone = [trial.sha for trial in search.trials if trial.names == ("second",)]
    assert GOOD in alone


def test_parent_that_failed_after_other_cells_is_confirmed_alone():
    """In a search for a fix, the failing end ran every cell, one of the same group before this one."""
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


def test_exhausted_budget_leaves_the_candidates_that_no_run_excludes():
    trials = [ran("c7", cell(FAILED)), ran("c3", cell())]
    (found,) = conclude_early(goal(8), trials).conclusions
    assert (found.finding, found.note) == (Finding.CANDIDATES, "the budget was used up")
    assert set(found.candidates) == {"c4", "c5", "c6", "c7"}


@pytest.mark.parametrize(
    ("fix", "outcome", "note"),
    [
        (False, "failed", "it already fails at elder, outside the range, and passes at later commits"),
        (True, "passed", "it already passes at elder, outside the range, and fails at later commits"),
    ],
)
def test_a_breakage_outside_the_range_is_noted_as_failing_or_passing(fix, outcome, note):
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    found = simulate(World(parents, {"cell": "side"}, {"elder": [outcome]}, fix=fix)).of("cell")
    assert (found.finding, found.note) == (Finding.UNVERIFIED, note)


def test_failing_end_that_always_passes_is_not_always_red():
    """Of two ends given as failing, one passes: the cell was fixed before the range."""
    parents = {"side": ("elder",), "merge": (GOOD, "side")}
    world = World(parents, {"cell": "side"}, {"elder": ["passed"]}, fix=True)
    found = simulate(world, world.goal(goods=(GOOD, "elder"))).of("cell")
    assert found.finding is Finding.UNVERIFIED
    assert found.note == "it already passes at elder, outside the range, and fails at later commits"


# --- verdicts of runs ---------------------------------------------------------------------------------------


def cell_runs(*trials, **more):
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
    """Limits: one run without a result per verdict, and one more per allowed retry of a lost run."""
    known = cell_runs(*[ran("c1", cell(outcome)) for outcome in outcomes])
    assert ("c1" in known.given_up(retries)) is given_up
    assert (("c1", Verdict.SKIP) in known.observations(retries)) is given_up


def test_observations_are_verdicts_in_order_then_abandoned_commits():
    known = cell_runs(ran("c1", cell(ERRORED)), ran("c2", cell()), ran("c2", cell(FAILED)))
    assert known.observations(1) == (
        *(("c3", Verdict.BAD), ("c2", Verdict.GOOD), ("c2", Verdict.BAD)),
        ("c1", Verdict.SKIP),
    )


def test_inconclusive_commit_is_skipped_unless_another_run_is_conclusive():
    known = cell_runs(
        ran("c1", cell(ERRORED, reason="no GPU")), ran("c2", cell(ERRORED, reason="x")), ran("c2", cell())
    )
    assert known.skipped() == (("c1", "no GPU"),)


def test_counts_have_every_failure_and_no_inconclusive_run():
    known = cell_runs(
        ran("c1", cell(FAILED, message="another thing")), ran("c1", cell()), ran("c1", cell(ERRORED))
    )
    assert (known.counts(("c1",)).runs, known.counts(("c1",)).failed) == (2, 1)
    assert known.conclusive(Verdict.BAD) == {"c3"}, "another failure is no verdict on the commit"


def test_evidence_at_a_commit_prefers_verdicts_to_skips():
    known = cell_runs(ran("c1", cell(FAILED, message="another thing")), ran("c1", cell(FAILED)))
    assert known.failure("c1").root.message == "lost its engine"
    assert (
        cell_runs(ran("c1", cell(FAILED, message="another thing"))).failure("c1").root.message
        == "another thing"
    )
    assert cell_runs().failure("c1") is None


def test_runs_after_other_cells_are_those_in_which_all_of_them_ran_before():
    first, second = cell(name="first"), cell(name="second")
    known = cell_runs(ran("c1", first, second, cell()), ran("c2", first, cell(), second), ran("c0", cell()))
    assert [run.sha for run in known.with_predecessors(("first", "second")).runs] == ["c1"]
    assert [run.sha for run in known.with_predecessors(("first",)).runs] == ["c1", "c2"]
    assert known.with_predecessors(()) is known


# --- cells that fail only after others ----------------------------------------------------------------------


def order_dependent(red, green, *, alone=True):
    """`red` runs of the bad end that failed after `before`, and `green` ones that passed without it."""
    before = cell(name="before[1]")
    dependent = [ran("c3", before, cell(FAILED, "cell[4]"), whole=True)] * red
    others = [ran("c3", *([] if alone else [cell(name="other[1]")]), cell(PASSED, "cell[4]"))] * green
    return CellRuns.of(goal(), "cell[4]", [*dependent, *others])


def test_order_dependence_needs_three_failures_and_four_isolated_passes():
    def conclude(red, green):
        found = dependence(order_dependent(red, green), "cell[4]")
        return found.prerequisites, found.missing and found.missing.cells

    assert conclude(1, 0) == ((), None)
    assert conclude(2, 4) == ((), ("before[1]", "cell[4]"))
    assert conclude(3, 3) == ((), ("cell[4]",))
    assert conclude(3, 4) == (("before[1]",), None)
    assert dependence(order_dependent(2, 4), "cell[4]").missing.purpose is Purpose.ISOLATED


def test_prerequisites_are_narrowed_only_after_two_passes():
    """A single pass after `first` alone can be chance."""
    first, second, last = (cell(name=f"{name}[1]") for name in ("first", "second", "third"))
    together = [ran("c3", first, second, last, cell(FAILED, "cell[4]"))] * 3
    shorter = [ran("c3", first, cell(FAILED, "cell[4]"))]
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    known = dependence(CellRuns.of(goal(), "cell[4]", [*shorter, *together, *alone]), "cell[4]")
    assert (known.prerequisites, known.missing) == (("first[1]",), None)
    missing = dependence(CellRuns.of(goal(), "cell[4]", [*shorter, *together[:1], *alone]), "cell[4]").missing
    assert missing.cells == ("first[1]", "second[1]", "third[1]", "cell[4]"), (
        "the longest list of preceding cells is rerun"
    )
    once = [ran("c3", first, cell(PASSED, "cell[4]"))]
    known = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone, *once]), "cell[4]")
    assert (known.prerequisites, known.missing.cells) == ((), ("first[1]", "cell[4]"))
    known = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone, *once, *once]), "cell[4]")
    assert known.missing.cells == ("second[1]", "third[1]", "cell[4]")


def test_cells_of_the_same_group_are_tried_in_the_order_they_ran_in():
    """If no cell of another group explains the failure, preceding cells of the same group are tried."""
    before = cell(name="before[4]")
    together = [ran("c3", before, cell(FAILED, "cell[4]"), whole=True)] * 2
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    missing = dependence(CellRuns.of(goal(), "cell[4]", [*together, *alone]), "cell[4]").missing
    assert (missing.cells, missing.purpose) == (("before[4]", "cell[4]"), Purpose.ORDER)


def test_pass_after_the_same_cells_rules_out_order_dependence():
    before = cell(name="before[1]")
    runs = [ran("c3", before, cell(outcome, "cell[4]")) for outcome in (FAILED, FAILED, FAILED, PASSED)]
    alone = [ran("c3", cell(PASSED, "cell[4]"))] * 4
    known = CellRuns.of(goal(), "cell[4]", [*runs, *alone])
    assert (dependence(known, "cell[4]").prerequisites, dependence(known, "cell[4]").missing) == ((), None)


@pytest.mark.parametrize("inconclusive", [0, 1, 2])
def test_the_bad_end_is_isolated_until_two_runs_were_inconclusive(inconclusive):
    together = ran("c3", cell(name="before[1]"), cell(FAILED, "cell[4]"), whole=True)
    alone = [ran("c3", cell(INFRASTRUCTURE, "cell[4]"))] * inconclusive
    known = CellRuns.of(goal(), "cell[4]", [together, *alone])
    step = isolation(goal(), known, "cell[4]")
    assert (step is None) is (inconclusive == 2)
    assert (
        isolation(
            goal(), CellRuns.of(goal(), "cell[4]", [together, ran("c3", cell(name="cell[4]"))]), "cell[4]"
        )
        is None
    )


def test_end_that_failed_after_more_cells_than_narrowing_runs_is_in_doubt():
    whole = ran("c3", cell(name="before[1]"), cell(FAILED), whole=True)
    narrowed = ran("c1", cell())
    assert failed_only_with_predecessors(goal(), all_runs(whole, narrowed), "c3")
    assert not failed_only_with_predecessors(goal(), all_runs(whole, narrowed, ran("c3", cell(FAILED))), "c3")
    assert not failed_only_with_predecessors(goal(), all_runs(whole), "c3"), "nothing was left out yet"
    assert not failed_only_with_predecessors(
        goal(), all_runs(whole, ran("c1", cell(name="before[1]"), cell())), "c3"
    )
    assert not failed_only_with_predecessors(goal(), all_runs(whole, narrowed), "c1"), "no end"
    assert not failed_only_with_predecessors(goal(), all_runs(narrowed), "c3"), "it never failed there"
    inside = ran("c2", cell(name="before[1]"), cell(FAILED))
    assert not failed_only_with_predecessors(goal(), all_runs(whole, narrowed, inside), "c2"), "no end"


def all_runs(*trials):
    return CellRuns.of(goal(), "cell", trials)


def test_cell_that_never_failed_is_green():
    found = CellSearch.of(goal(endpoint_runs=2), "cell", [ran("c3", cell())] * 2).conclusion
    assert found.finding is Finding.GREEN
