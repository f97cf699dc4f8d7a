"""Which past trials predict the cost of a search: those of the same check, by executor."""

from __future__ import annotations

from contextlib import closing

import pytest

from bisect_tool.checks import CommandCheck, JobCheck, SuiteCheck
from bisect_tool.expected_cost import PastTrial
from bisect_tool.mode import Bisect
from bisect_tool.request import Request
from bisect_tool.session.past_trials import past_trials
from bisect_tool.session.store import Store
from bisect_tool.trial.result import CiJob, TrialResult
from bisect_tool.verdict import Outcome

SHA = "0123456789abcdef0123456789abcdef01234567"


def request(scenario=None, profile=None, **more):
    check = SuiteCheck() if scenario else CommandCheck(argv=("true",))
    fields = {"mode": Bisect(goods=(SHA,)), "repo": "/r", "bad": SHA[::-1], "check": check} | more
    return Request(scenario=scenario, profile=profile, **fields)


def job(name, **more):
    return request(check=JobCheck(service="buildkite", pipeline="engine/ci", job=name, **more))


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.db")) as opened:
        yield opened


def ran(store, request, *trials):
    session = store.create(request if isinstance(request, str) else request.model_dump_json())
    for seconds, fields in trials:
        given = {"outcome": Outcome.PASSED} | fields
        store.add(session, "bad end", TrialResult(sha=SHA, cells=(), started="", seconds=seconds, **given))


def test_trials_of_the_same_scenario_and_profile_count(store):
    ran(store, request("one", "cpu"), (10.0, {}))
    ran(store, request("one", "cpu", cells=("a",)), (30.0, {"gpus": 2}), (31.0, {}))
    ran(store, request("one", "gpu"), (1.0, {}))
    ran(store, request("two", "cpu", rerun='"scenario":"one","profile":"cpu"'), (2.0, {}))
    ran(store, '{"scenario":"one","profile":"cpu","colour":"red"}', (3.0, {}))
    assert past_trials(store, request("one", "cpu")) == {
        "local": (PastTrial(30.0, gpus=2), PastTrial(31.0), PastTrial(10.0))
    }
    assert past_trials(store, request("two", "gpu")) == {}


def test_a_build_counts_where_the_environment_was_not_cached(store):
    built = {"environment": "ab", "environment_reused": False, "build_seconds": 600.0}
    reused = {"environment": "ab", "build_seconds": 0.5}
    ran(store, request("one", "cpu"), (640.0, built), (30.5, reused))
    assert past_trials(store, request("one", "cpu"))["local"] == (PastTrial(40.0, 600.0), PastTrial(30.0))


@pytest.mark.parametrize("outcome", [Outcome.UNBUILDABLE, Outcome.INFRASTRUCTURE])
def test_trial_without_a_result_is_ignored(store, outcome):
    ran(store, request("one", "cpu"), (5.0, {"outcome": outcome}))
    assert past_trials(store, request("one", "cpu")) == {}


def test_existing_ci_result_is_ignored(store):
    """It is stored with 0 s, but the next trial needs a job."""
    existing, started = ({"job": CiJob(attempt=name, started=name == "2")} for name in ("1", "2"))
    ran(store, job("GPU*"), (0.0, existing), (900.0, started))
    assert past_trials(store, job("GPU*")) == {"buildkite": (PastTrial(900.0),)}


def test_command_is_identified_by_its_arguments_and_repository(store):
    ran(store, request(), (4.0, {}))
    assert past_trials(store, request()) == {"local": (PastTrial(4.0),)}
    assert past_trials(store, request(repo="/other")) == {}
    assert past_trials(store, request(check=CommandCheck(argv=("true", "-x")))) == {}


def test_ci_job_is_identified_by_its_name(store):
    ran(store, job("GPU*"), (900.0, {"gpus": 4}))
    assert past_trials(store, job("GPU*", allow_builds=True)) == {"buildkite": (PastTrial(900.0, gpus=4),)}
    assert past_trials(store, job("CPU*")) == {}


def test_at_most_a_hundred_trials_are_read(store):
    for _ in range(3):
        ran(store, request(), *[(1.0, {})] * 60)
    assert len(past_trials(store, request())["local"]) == 100
