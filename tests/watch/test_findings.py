"""What bisections found, by the keys of a watch."""

import pytest
from documents import BAD, GOOD, document, green, red

from bisect_tool.mode import Bisect, Repro
from bisect_tool.request import Request, SuiteCheck, Watched
from bisect_tool.sources.observation import CellKey
from bisect_tool.watch.findings import findings, known_bisections
from bisect_tool.watch.past_sessions import PastSession

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


def test_bisection_of_the_same_check_is_known_whoever_began_it():
    (known,) = known_bisections("w", REQUEST, [past()])
    key = CellKey("w", "engine", "", "t.py::test_a[4]")
    assert (known.good, known.bad, known.cells, known.running) == (GOOD, BAD, {key}, False)
    assert known.culprits == {key: REPORT.culprit.sha}


def test_watch_that_reads_results_of_others_knows_its_own_only():
    assert known_bisections("w", None, [past()]) == ()
    (found,) = findings("w", None, [past(watched(JOB))])
    assert found.known.culprits == {JOB: REPORT.culprit.sha}


def test_job_without_tests_has_the_culprit_of_its_red_cell():
    job = CellKey("w", "job")
    assert known_bisections("w", None, [past(watched(job))])[0].culprits == {job: REPORT.culprit.sha}


@pytest.mark.parametrize(
    ("request_", "running", "known"),
    [(BISECT, False, False), (BISECT, True, True), (watched(JOB), False, True)],
)
def test_unfinished_bisection_counts_if_it_runs_or_will_be_resumed(request_, running, known):
    found = known_bisections("w", REQUEST, [past(request_, None, running=running)])
    assert [each.running for each in found] == ([True] if known else [])
    assert findings("w", REQUEST, [past(request_, None, running=running)]) == ()


def test_demo_and_search_for_a_fix_say_nothing_of_a_regression():
    for mode in (Bisect(goods=(GOOD,), command="demo"), Bisect(goods=(GOOD,), find="fix")):
        assert known_bisections("w", REQUEST, [past(BISECT.model_copy(update={"mode": mode}))]) == ()
