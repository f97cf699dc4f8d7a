"""Causes: one for each culprit, new once, open as long as a cell is red, fixed once."""

from documents import BAD, GOOD, document, red

from bisect_tool.nightly.decision import Bisect, Nothing
from bisect_tool.nightly.known import KnownBisection
from bisect_tool.nightly.reason import Reason
from bisect_tool.sources.observation import CellKey
from bisect_tool.watch.causes import causes
from bisect_tool.watch.findings import Finding

A, B, C = (CellKey("w", "gpu", "", name) for name in "abc")
REPORT = red()
CULPRIT = REPORT.culprit.sha
OPEN = Nothing(Reason.STILL_RED, culprit=CULPRIT, since=CULPRIT)
FIXED = Nothing(Reason.FIXED, culprit=CULPRIT, since="f" * 40)
GREEN = Nothing(Reason.GREEN)


def finding(reports, session="s1", exception="RuntimeError"):
    culprits = {key: each.culprit.sha for key, each in reports.items() if each.culprit}
    known = KnownBisection(GOOD, BAD, frozenset(reports), exception, culprits)
    return Finding(session, known, reports, document())


def found(decisions, reported=(), findings=None):
    findings = findings or [finding({A: REPORT, B: REPORT})]
    return causes("w", findings, decisions, dict(reported))


def test_cells_of_one_culprit_are_one_cause():
    (cause,) = found({A: OPEN, B: OPEN})
    assert (cause.state, cause.cells, cause.culprit, cause.proven) == ("new", ("a", "b"), CULPRIT, True)
    assert (cause.session, cause.exception, cause.good, cause.bad) == ("s1", "RuntimeError", GOOD, BAD)


def test_reported_cause_is_open_until_all_of_its_cells_pass():
    mark = found({A: OPEN, B: OPEN})[0].fingerprint
    reported = {mark: "open"}
    assert found({A: OPEN, B: OPEN}, reported)[0].state == "open"
    assert found({A: OPEN, B: FIXED}, reported)[0].state == "open"
    (cause,) = found({A: FIXED, B: FIXED}, reported)
    assert (cause.state, cause.fixed_by, cause.fingerprint) == ("fixed", "f" * 40, mark)


def test_fix_is_reported_as_long_as_nobody_heard_of_it():
    mark = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: GREEN, B: GREEN}, {mark: "open"})[0].state == "fixed"
    assert found({A: GREEN, B: GREEN}, {mark: "fixed"}) == ()
    assert found({A: GREEN, B: GREEN}) == ()


def test_cause_that_was_fixed_and_is_red_again_is_new():
    mark = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: OPEN, B: GREEN}, {mark: "fixed"})[0].state == "new"


def test_cell_that_has_another_culprit_by_now_keeps_no_cause_open():
    other = Nothing(Reason.STILL_RED, culprit="e" * 40)
    assert found({A: other, B: GREEN}) == ()


def test_earlier_culprit_is_not_blamed_for_a_failure_that_has_none():
    mark = found({A: OPEN, B: OPEN})[0].fingerprint
    assert found({A: Nothing(Reason.BISECTED), B: GREEN}, {mark: "fixed"}) == ()


def test_cell_that_is_not_decided_yet_neither_opens_nor_closes():
    mark = found({A: OPEN, B: OPEN})[0].fingerprint
    wants = Bisect(Reason.REGRESSION, GOOD, BAD, (A,), "", ())
    assert found({A: wants, B: GREEN}, {mark: "open"}) == ()


def test_candidates_are_a_cause_without_a_culprit():
    shas = ("1" * 40, "2" * 40)
    report = REPORT.model_copy(update={"finding": "candidates", "culprit": None, "candidates": shas})
    again = Nothing(Reason.BISECTED)
    (cause,) = found({C: again}, findings=[finding({C: report})])
    assert (cause.culprit, cause.candidates, cause.proven, cause.state) == ("", shas, False, "new")


def test_suspect_is_not_proven():
    report = REPORT.model_copy(update={"finding": "suspect"})
    (cause,) = found({A: OPEN}, findings=[finding({A: report})])
    assert (cause.culprit, cause.proven) == (CULPRIT, False)


def test_latest_bisection_of_a_culprit_is_the_one_shown():
    (cause,) = found({A: OPEN, C: OPEN}, findings=[finding({A: REPORT}), finding({C: REPORT}, "s2")])
    assert (cause.session, cause.cells) == ("s2", ("a", "c"))
