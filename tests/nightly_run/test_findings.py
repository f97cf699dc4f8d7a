"""The results of bisections, by the cells of a watch."""

from datetime import UTC, datetime

import pytest
from sample_documents import BAD, GOOD, document, green, red

from bisect_tool.checks import SuiteCheck
from bisect_tool.ci_results.observation import CellKey
from bisect_tool.errors import ExitCode
from bisect_tool.mode import Bisect, Repro, Walk
from bisect_tool.nightly_rules.decision import Nothing
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_run.findings import exit_codes_of_given_up, findings, known_bisections
from bisect_tool.nightly_run.past_sessions import PastSession
from bisect_tool.request import Request, Watched
from bisect_tool.session.store import TrialRow
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

REQUEST = Request(mode=Repro(runs=1), repo="/r", bad=BAD, check=SuiteCheck(), scenario="engine")
BISECT = REQUEST.model_copy(update={"mode": Bisect(goods=(GOOD,))})
REPORT = red()
DOCUMENT = document(cells={"t.py::test_a[4]": REPORT, "t.py::test_b": green()})
JOB = CellKey("w", "job", "1", "tests.t::test_a[4]")


def past(request=BISECT, document=DOCUMENT, *, running=False):
    return PastSession("s", request, (), document, running)


def watched(*cells):
    mark = Watched(name="w", cells=tuple((k.series, k.job, k.shard, k.cell, k.environment) for k in cells))
    return BISECT.model_copy(update={"watched": mark})


def test_bisection_of_the_same_check_is_known_if_a_user_started_it():
    (known,) = known_bisections("w", REQUEST, [past()])
    key = CellKey("w", "engine", "", "t.py::test_a[4]")
    assert (known.good, known.bad, known.cells, known.running) == (GOOD, BAD, {key}, False)
    assert known.culprits == {key: REPORT.culprit.sha}


def test_watch_of_external_results_knows_its_own_bisections_only():
    assert known_bisections("w", None, [past()]) == ()
    (found,) = findings("w", None, [past(watched(JOB))])
    assert found.known.culprits == {JOB: REPORT.culprit.sha}


def test_external_job_may_have_the_name_of_the_scenario():
    external = CellKey("w", "engine", "", "tests.t::test_a[4]")
    (found,) = findings("w", None, [past(watched(external))])
    assert found.known.culprits == {external: REPORT.culprit.sha}


def test_job_without_tests_has_the_culprit_of_its_red_cell():
    job = CellKey("w", "job")
    assert known_bisections("w", None, [past(watched(job))])[0].culprits == {job: REPORT.culprit.sha}


@pytest.mark.parametrize(
    ("request_", "running", "known"),
    [(BISECT, False, []), (BISECT, True, [(True, False)]), (watched(JOB), False, [(False, True)])],
)
def test_unfinished_bisection_counts_if_it_runs_or_will_be_resumed(request_, running, known):
    found = known_bisections("w", REQUEST, [past(request_, None, running=running)])
    assert [(each.running, each.unfinished) for each in found] == known
    assert findings("w", REQUEST, [past(request_, None, running=running)]) == ()


def test_demo_and_search_for_a_fix_are_no_known_bisections():
    for mode in (Bisect(goods=(GOOD,), command="demo"), Bisect(goods=(GOOD,), find="fix")):
        assert known_bisections("w", REQUEST, [past(BISECT.model_copy(update={"mode": mode}))]) == ()


def test_walk_is_known_until_its_bisection_starts():
    walk = BISECT.model_copy(update={"mode": Walk(), "watched": watched(JOB).watched})
    (known,) = known_bisections("w", None, [past(walk, DOCUMENT.model_copy(update={"good": ()}))])
    assert (known.good, known.bad, known.cells) == ("", BAD, {JOB})
    assert [each.unfinished for each in known_bisections("w", None, [past(walk, None)])] == [True]
    assert known_bisections("w", None, [past(walk)]) == ()


def ran(started, seconds=60.0):
    return TrialResult(sha=BAD, cells=(), outcome=Outcome.FAILED, started=started, seconds=seconds)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ((), "2026-03-06T10:15:00+00:00"),
        ((TrialRow(1, "", ran("2026-03-06T11:00:00+00:00")),), "2026-03-06T11:01:00+00:00"),
        ((TrialRow(1, "", ran("yesterday")),), "2026-03-06T10:15:00+00:00"),
        ((TrialRow(1, "", ran("2026-03-06T11:00:00+00:00"), shared=True),), "2026-03-06T10:15:00+00:00"),
    ],
)
def test_bisection_ended_with_its_last_own_trial(trials, expected):
    dated = DOCUMENT.model_copy(update={"created": "2026-03-06T10:15:00+00:00"})
    (known,) = known_bisections("w", REQUEST, [PastSession("s", BISECT, trials, dated, running=False)])
    assert known.ended == datetime.fromisoformat(expected).astimezone(UTC)


def test_candidates_are_known_as_such():
    report = REPORT.model_copy(update={"finding": "candidates", "culprit": None, "candidates": (GOOD, BAD)})
    (known,) = known_bisections("w", None, [past(watched(JOB), document(cells={"t.py::test_a[4]": report}))])
    assert (known.culprits, known.candidates) == ({}, {JOB: (GOOD, BAD)})


def test_cells_without_a_culprit_end_with_the_code_of_their_last_bisection():
    documents = [DOCUMENT.model_copy(update={"exit_code": code}) for code in (3, 4)]
    found = findings("w", None, [past(watched(JOB), each) for each in documents])
    assert exit_codes_of_given_up(found, {JOB: Nothing(Reason.GIVEN_UP)}) == (ExitCode.ENDPOINTS,)
    assert exit_codes_of_given_up(found, {JOB: Nothing(Reason.NO_CULPRIT)}) == ()
    others = findings("w", None, [past(watched(JOB), DOCUMENT.model_copy(update={"exit_code": 0}))])
    assert exit_codes_of_given_up(others, {JOB: Nothing(Reason.GIVEN_UP)}) == (ExitCode.INCONCLUSIVE,)
