"""Causes: one for each culprit, new once, open as long as a cell is red, fixed once."""

from dataclasses import replace

import pytest
from sample_documents import BAD, GOOD, document, red

from bisect_tool.ci_results.observation import CellKey
from bisect_tool.nightly_rules.decision import Bisect, Nothing
from bisect_tool.nightly_rules.earlier_bisections import KnownBisection
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_run.causes import causes, reported_state
from bisect_tool.nightly_run.findings import Finding

A, B, C = (CellKey("w", "gpu", "", name) for name in "abc")
REPORT = red()
CULPRIT = REPORT.culprit.sha
OPEN = Nothing(Reason.STILL_RED, culprit=CULPRIT, since=CULPRIT)
FIXED = Nothing(Reason.FIXED, culprit=CULPRIT, since="f" * 40, last_red="e" * 40)
GREEN = Nothing(Reason.GREEN)


def finding(reports, session="s1", exception="RuntimeError", good=GOOD):
    culprits = {key: each.culprit.sha for key, each in reports.items() if each.culprit}
    known = KnownBisection(good, BAD, frozenset(reports), exception, culprits)
    return Finding(session, known, reports, document())


def found(decisions, reported=(), findings=None, names=("w",)):
    findings = findings or [finding({A: REPORT, B: REPORT})]
    return causes(names, findings, decisions, dict(reported))


def test_cells_of_one_culprit_are_one_cause():
    (cause,) = found({A: OPEN, B: OPEN})
    assert (cause.state, cause.cells, cause.culprit, cause.proven) == ("new", ("a", "b"), CULPRIT, True)
    assert (cause.session, cause.exception, cause.good, cause.bad) == ("s1", "RuntimeError", GOOD, BAD)


def test_reported_cause_is_open_until_all_of_its_cells_pass():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    reported = {fingerprint: "open"}
    assert found({A: OPEN, B: OPEN}, reported)[0].state == "open"
    assert found({A: OPEN, B: FIXED}, reported)[0].state == "open"
    (cause,) = found({A: FIXED, B: FIXED}, reported)
    assert (cause.state, cause.fixed_by, cause.fingerprint) == ("fixed", "f" * 40, fingerprint)
    assert cause.last_red == "e" * 40


def test_fix_is_reported_until_it_is_recorded_as_such():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: GREEN, B: GREEN}, {fingerprint: "open"})[0].state == "fixed"
    assert found({A: GREEN, B: GREEN}, {fingerprint: "fixed"}) == ()
    assert found({A: GREEN, B: GREEN}) == ()


def test_cause_that_was_fixed_and_is_red_again_is_new():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: OPEN, B: GREEN}, {fingerprint: "fixed"})[0].state == "new"


def test_cell_with_another_culprit_keeps_no_cause_open():
    other = Nothing(Reason.STILL_RED, culprit="e" * 40)
    assert found({A: other, B: GREEN}) == ()


def test_earlier_culprit_is_not_reported_for_a_failure_without_one():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: Nothing(Reason.BISECTED), B: GREEN}, {fingerprint: "fixed"}) == ()


def test_undecided_cell_neither_opens_nor_closes_a_cause():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    wants = Bisect(Reason.REGRESSION, GOOD, BAD, (A,), "", ())
    assert found({A: wants, B: GREEN}, {fingerprint: "open"}) == ()


SHAS = (CULPRIT, "2" * 40)
BISECTED = Nothing(Reason.BISECTED, candidates=SHAS)


def candidates(*shas):
    return REPORT.model_copy(update={"finding": "candidates", "culprit": None, "candidates": shas})


def test_candidates_are_a_cause_without_a_culprit():
    (cause,) = found({C: BISECTED}, findings=[finding({C: candidates(*SHAS)})])
    assert (cause.culprit, cause.candidates, cause.proven, cause.state) == ("", SHAS, False, "new")
    again = Nothing(Reason.BISECTED, candidates=SHAS[::-1])
    (same,) = found({C: again}, {cause.fingerprint: "candidates"}, [finding({C: candidates(*SHAS)})])
    assert same.state == "open"


@pytest.mark.parametrize(
    "narrowed",
    [
        [finding({A: REPORT, B: REPORT})],
        [finding({A: candidates(*SHAS)}), finding({A: REPORT}, "s2")],
        [finding({A: candidates(*SHAS)}), finding({A: REPORT}, "s2", good=SHAS[1])],
        [
            finding({A: candidates(*SHAS)}),
            finding({A: candidates(CULPRIT)}, "s2", good=SHAS[1]),
            finding({A: REPORT}, "s3", good="9" * 40),
        ],
    ],
    ids=["the same session", "the same range", "a part of the range", "step by step"],
)
def test_culprit_among_candidates_keeps_their_fingerprint_and_is_new_once(narrowed):
    (before,) = found({A: BISECTED}, findings=[finding({A: candidates(*SHAS)})])
    reported = {before.fingerprint: reported_state(before)}
    (cause,) = found({A: OPEN, B: OPEN}, reported, narrowed)
    assert (cause.fingerprint, cause.state, cause.culprit) == (before.fingerprint, "new", CULPRIT)
    (again,) = found({A: OPEN, B: OPEN}, {cause.fingerprint: reported_state(cause)}, narrowed)
    assert (again.fingerprint, again.state) == (before.fingerprint, "open")


def test_candidates_of_a_streak_that_was_fixed_do_not_come_back():
    old = finding({A: candidates(*SHAS)})
    fingerprint = found({A: BISECTED}, findings=[old])[0].fingerprint
    new = finding({A: candidates("7" * 40, "8" * 40)}, "s2", good="6" * 40)
    red = Nothing(Reason.BISECTED, candidates=("7" * 40, "8" * 40))
    (cause,) = found({A: red}, {fingerprint: "fixed"}, [old, new])
    assert (cause.session, cause.state) == ("s2", "new")
    assert found({A: Nothing(Reason.NO_CULPRIT)}, {fingerprint: "fixed"}, [old]) == ()


@pytest.mark.parametrize("decision", [GREEN, Nothing(Reason.PASSED_AGAIN), Nothing(Reason.FIXED, since=BAD)])
def test_candidates_close_when_their_cells_pass(decision):
    known = [finding({A: candidates(*SHAS)})]
    fingerprint = found({A: BISECTED}, findings=known)[0].fingerprint
    assert [each.state for each in found({A: decision}, {fingerprint: "candidates"}, known)] == ["fixed"]


def test_culprits_of_one_set_of_candidates_are_two_causes():
    other = REPORT.model_copy(
        update={"culprit": REPORT.culprit.model_copy(update={"sha": SHAS[1]}), "candidates": SHAS[1:]}
    )
    (before,) = found({A: BISECTED}, findings=[finding({A: candidates(*SHAS), B: candidates(*SHAS)})])
    reported = {before.fingerprint: "candidates"}
    both = found({A: OPEN, B: Nothing(Reason.STILL_RED, SHAS[1])}, reported, [finding({A: REPORT, B: other})])
    assert [each.culprit for each in both] == [*SHAS]
    assert both[0].fingerprint == before.fingerprint != both[1].fingerprint


GONE = Nothing(Reason.GONE)


@pytest.mark.parametrize(
    ("decisions", "note", "fixed_by"),
    [
        ({A: GONE, B: GONE}, "Its cells are no longer run.", ""),
        ({A: GONE, B: FIXED}, "Some of its cells are no longer run, and the others pass.", "f" * 40),
        ({A: GREEN, B: FIXED}, "", "f" * 40),
    ],
)
def test_cause_whose_cells_are_no_longer_run_is_closed(decisions, note, fixed_by):
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    (cause,) = found(decisions, {fingerprint: "open"})
    assert (cause.state, cause.note, cause.fixed_by) == ("fixed", note, fixed_by)


def test_missing_cells_neither_open_nor_close_a_cause():
    fingerprint = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: GONE, B: GONE}) == ()
    assert found({A: GONE, B: GONE}, {fingerprint: "fixed"}) == ()
    (cause,) = found({A: GONE, B: OPEN}, {fingerprint: "open"})
    assert (cause.state, cause.note) == ("open", "")


def test_suspect_is_not_proven():
    report = REPORT.model_copy(update={"finding": "suspect"})
    (cause,) = found({A: OPEN}, findings=[finding({A: report})])
    assert (cause.culprit, cause.proven) == (CULPRIT, False)


def test_latest_bisection_of_a_culprit_is_the_one_shown():
    (cause,) = found({A: OPEN, C: OPEN}, findings=[finding({A: REPORT}), finding({C: REPORT}, "s2")])
    assert (cause.session, cause.cells) == ("s2", ("a", "c"))


@pytest.mark.parametrize("report", [REPORT, candidates(*SHAS)], ids=["culprit", "candidates"])
def test_cause_that_was_reported_under_a_former_name_is_the_same(report):
    decision = OPEN if report.culprit else BISECTED
    (before,) = found({A: decision}, findings=[finding({A: report})])
    a = replace(A, series="new")
    decisions, findings = {a: decision}, [finding({a: report})]
    reported = {before.fingerprint: reported_state(before)}
    (cause,) = found(decisions, reported, findings, ("new", "w"))
    assert (cause.fingerprint, cause.state) == (before.fingerprint, "open")
    (other,) = found(decisions, reported, findings, ("new",))
    assert (other.fingerprint == before.fingerprint, other.state) == (False, "new")


def test_cause_has_the_fingerprint_that_earlier_versions_gave_it():
    (with_culprit,) = found({A: OPEN}, findings=[finding({A: REPORT})])
    (with_candidates,) = found({A: BISECTED}, findings=[finding({A: candidates(*SHAS)})])
    assert (with_culprit.fingerprint, with_candidates.fingerprint) == (
        "36f0e9b766633f6d",
        "690179354d0c011a",
    )
