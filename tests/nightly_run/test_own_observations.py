"""Trials of sessions as observations."""

from sample_documents import event

from bisect_tool.checks import SuiteCheck
from bisect_tool.ci_results.observation import State
from bisect_tool.evidence import Failure, Signature
from bisect_tool.mode import Repro
from bisect_tool.nightly_run.own_observations import own_observations
from bisect_tool.nightly_run.past_sessions import PastSession, has_check
from bisect_tool.request import Request
from bisect_tool.session.store import TrialRow
from bisect_tool.supervise.machine_load import Load
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

SHA = "a" * 40
REQUEST = Request(mode=Repro(runs=1), repo="/r", bad=SHA, check=SuiteCheck(), scenario="engine")
QUIET = Load(cpus=2.0, load_before=0.1, load_after=0.1, cpu=0.01)


def past(*trials, request=REQUEST):
    rows = tuple(TrialRow(number, "repeat", trial) for number, trial in enumerate(trials, 1))
    return PastSession("s", request, rows, None, running=False)


def trial(*cells, outcome=Outcome.PASSED, whole=True, started="2026-03-06T23:00:00+00:00"):
    return TrialResult(
        sha=SHA, cells=cells, outcome=outcome, started=started, seconds=30, whole=whole, load=QUIET
    )


def cell(name, outcome, exception=""):
    failure = None
    if exception:
        root = event(0.0, "Worker", exception, "no")
        signature = Signature(role="Worker", exception=exception, message="no")
        failure = Failure(root=root, chain=(root,), signature=signature, excerpt="")
    return CellResult(cell=name, outcome=outcome, failure=failure)


def states(*trials):
    return [(each.key.cell, each.state) for each in own_observations("w", REQUEST, [past(*trials)])]


def test_outcomes_are_states():
    cells = [cell(outcome.value, outcome) for outcome in Outcome]
    assert dict(states(trial(*cells))) == {
        "passed": State.PASSED,
        "failed": State.FAILED,
        "hung": State.FAILED,
        "errored": State.MISSING,
        "skipped": State.MISSING,
        "unbuildable": State.INFRASTRUCTURE,
        "infrastructure": State.INFRASTRUCTURE,
    }


def test_trial_without_cells_is_an_infrastructure_failure_of_each_cell():
    lost = trial(outcome=Outcome.INFRASTRUCTURE)
    assert states(trial(cell("a", Outcome.PASSED)), lost) == [
        ("a", State.PASSED),
        ("a", State.INFRASTRUCTURE),
    ]


def test_trials_of_selected_cells_are_no_observations():
    assert states(trial(cell("a", Outcome.PASSED), whole=False)) == []


def test_observation_has_time_and_exception():
    (seen,) = own_observations(
        "w", REQUEST, [past(trial(cell("a", Outcome.FAILED, "torch.OutOfMemoryError")))]
    )
    assert (seen.exception, seen.build, seen.attempt, seen.key.job) == (
        "OutOfMemoryError",
        "s",
        "1",
        "engine",
    )
    assert (seen.finished - seen.started).total_seconds() == 30


def test_only_the_same_check_without_stress_counts():
    other = REQUEST.model_copy(update={"cells": ("a",)})
    stressed = REQUEST.model_copy(update={"mode": Repro(runs=1, stress="cpu")})
    many = REQUEST.model_copy(update={"mode": Repro(runs=50), "bad": "b" * 40, "slots": 2})
    assert [has_check(past(request=each), REQUEST) for each in (other, stressed, many)] == [
        False,
        False,
        True,
    ]
