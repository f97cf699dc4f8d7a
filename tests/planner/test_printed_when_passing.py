"""Failures of a cell are compared without events that its passing trials at good commits print, too."""

from worlds import one_cell, result

from bisect_tool.evidence import Event, SuiteFailure, explain, signature_of
from bisect_tool.planner.cell_runs import CellRuns
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome, Verdict

NOISE, TORN, LOST = "cannot open the statistics page", "torn page", "lost page"
WORLD = one_cell(3, 2)
CELL = next(iter(WORLD.culprits))


def event(message):
    return Event(
        time=1.0,
        source="0",
        role="Worker",
        kind="exception",
        severity="error",
        exception="E",
        message=message,
    )


def failed(sha, *messages):
    seen = SuiteFailure(phase="call", exception="AssertionError", message="assert 0", time=9.0)
    failure = explain(map(event, messages), seen, {})
    return result(sha, (CellResult(cell=CELL, outcome=Outcome.FAILED, failure=failure),), Outcome.FAILED)


def passed(sha, *messages):
    cells = (CellResult(cell=CELL, outcome=Outcome.PASSED),)
    printed = tuple(signature_of(event(message)) for message in messages)
    return result(sha, cells, Outcome.PASSED).model_copy(update={"printed": printed})


def runs(*trials):
    return {run.sha: run for run in CellRuns.of(WORLD.goal(), CELL, trials).runs}


def test_root_is_an_event_that_no_passing_trial_prints():
    bad = failed("c2", NOISE, TORN)
    assert runs(bad)["c2"].failure.root.message == NOISE
    assert runs(bad, passed("c0", NOISE))["c2"].failure.root.message == TORN


def test_shared_noise_does_not_make_two_failures_equal():
    trials = (failed("c2", NOISE, TORN), failed("c1", NOISE, LOST))
    assert runs(*trials)["c1"].verdict is Verdict.BAD
    assert runs(*trials, passed("c0", NOISE))["c1"].verdict is Verdict.SKIP


def test_events_of_a_pass_at_a_failing_commit_are_not_noise():
    trials = (failed("c2", NOISE, TORN), passed("c2", NOISE))
    (failure,) = [run.failure for run in CellRuns.of(WORLD.goal(), CELL, trials).runs if run.failure]
    assert failure.root.message == NOISE
