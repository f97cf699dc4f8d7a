"""What a trial takes, as `plan` reads it from the last session of the same scenario and profile."""

from __future__ import annotations

from contextlib import closing

import pytest

from bisect_tool.mode import Bisect
from bisect_tool.request import CommandCheck, Request, SuiteCheck
from bisect_tool.session.plan import mean_trial_s
from bisect_tool.session.store import Store
from bisect_tool.trial.result import TrialResult
from bisect_tool.verdict import Outcome

SHA = "0123456789abcdef0123456789abcdef01234567"


def request(scenario, profile, **more):
    check = SuiteCheck() if scenario else CommandCheck(argv=("true",))
    fields = {"mode": Bisect(goods=(SHA,)), "repo": "/r", "bad": SHA[::-1], "check": check} | more
    return Request(scenario=scenario, profile=profile, **fields)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.db")) as opened:
        yield opened


def ran(store, text, seconds):
    session = store.create(text)
    result = TrialResult(
        sha=SHA, cells=(), outcome=Outcome.PASSED, started="", seconds=seconds, build_seconds=0.0,
        environment="", environment_reused=True, slot=0, gpus=0, leftovers=(), folder="",
    )  # fmt: skip
    store.add(session, "bad end", result)


def test_the_newest_session_of_the_same_scenario_and_profile_counts(store):
    """Nothing else does: a command that speaks of them, another profile, what another version stored."""
    ran(store, request("one", "cpu").model_dump_json(), 10.0)
    ran(store, request("one", "cpu").model_dump_json(indent=1), 30.0)
    ran(store, request("one", "gpu").model_dump_json(), 1.0)
    ran(store, request("two", "cpu", rerun='"scenario":"one","profile":"cpu"').model_dump_json(), 2.0)
    ran(store, '{"scenario":"one","profile":"cpu","colour":"red"}', 3.0)
    assert mean_trial_s(store, request("one", "cpu")) == 30.0
    assert mean_trial_s(store, request("two", "gpu")) is None
    assert mean_trial_s(store, request(None, None)) is None
