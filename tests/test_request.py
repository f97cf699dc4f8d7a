"""A request is stored as JSON; requests of earlier versions, without a mode, can still be read."""

import pytest
from pydantic import ValidationError

from bisect_tool.checks import CommandCheck, SuiteCheck
from bisect_tool.mode import Bisect, Budget, Candidate, FixCommit, Fixes, ObservedRuns, Repro, Step, Walk
from bisect_tool.request import Request

GOOD, BAD, FIX = "a" * 40, "b" * 40, "f" * 40
REVERT = Candidate(kind="revert", name="revert aaa", title='Revert "x"', commit=GOOD)
EARLIER = {
    "repo": "/r",
    "goods": [],
    "bad": BAD,
    "first_parent": False,
    "check": {"kind": "suite"},
    "scenario": "external-lb-dp",
    "profile": "reference",
    "cells": [],
    "find": "regression",
    "endpoint_runs": 2,
    "confidence": 0.95,
    "budget_trials": None,
    "budget_minutes": None,
    "slots": 1,
    "priors": True,
    "fresh": False,
    "confirm": None,
    "same_failure": False,
    "deadline_s": 3600.0,
    "pass_env": [],
    "repetition": None,
    "fixes": None,
    "scenario_sha256": "",
    "rerun": "bisect-run again",
    "rerun_unlimited": "bisect-run unlimited",
    "rerun_same_failure": "",
    "command": "run",
}
"""What `bisect-run run` stored before requests had a mode."""

MODES = [
    Bisect(goods=(GOOD,), find="fix", budget=Budget(trials=4), priors=False, rerun_unlimited="all"),
    Bisect(command="demo", goods=(GOOD,), confirm="revert"),
    Bisect(goods=(GOOD,), observations=(ObservedRuns(cell="test_a", commit=GOOD, passed=9, failed=0),)),
    Walk(find="fix", budget=Budget(minutes=5), confirm="revert"),
    Bisect(goods=(GOOD,), walk="20260306-101500-1a2b"),
    Repro(runs=3, against=GOOD, stress="delay", stress_roles=("Worker",)),
    Fixes(candidates=(REVERT,), fix_commits=(FixCommit(parts=(0,), sha=FIX),), cells={"a": ("b",)}),
    Step(),
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.command)
def test_request_round_trips_through_json(mode):
    check = CommandCheck(argv=("./check.sh",))
    request = Request(mode=mode, repo="/r", bad=BAD, check=check, slots=2, rerun="again")
    assert Request.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    ("stored", "mode"),
    [
        (
            {
                "goods": [GOOD],
                "find": "fix",
                "first_parent": True,
                "endpoint_runs": 5,
                "confidence": 0.9,
                "budget_trials": 7,
                "budget_minutes": 1.5,
                "priors": False,
                "confirm": "revert",
                "same_failure": True,
                "rerun_same_failure": "bisect-run same",
            },
            Bisect(
                goods=(GOOD,),
                find="fix",
                first_parent=True,
                endpoint_runs=5,
                confidence=0.9,
                budget=Budget(trials=7, minutes=1.5),
                priors=False,
                confirm="revert",
                same_failure=True,
                rerun_unlimited="bisect-run unlimited",
                rerun_same_failure="bisect-run same",
            ),
        ),
        (
            {"goods": [GOOD], "command": "demo"},
            Bisect(command="demo", goods=(GOOD,), rerun_unlimited="bisect-run unlimited"),
        ),
        (
            {"command": "repro", "repetition": {"runs": 3, "until_fail": True, "script": "/x.sh"}},
            Repro(runs=3, until_fail=True, script="/x.sh"),
        ),
        (
            {
                "command": "fixes",
                "endpoint_runs": 3,
                "budget_trials": 2,
                "fixes": {
                    "candidates": [REVERT.model_dump()],
                    "fix_commits": [{"parts": [0], "sha": FIX}],
                    "verify": [GOOD],
                    "confirms": "20260306-101500-1a2b",
                    "cells": {"a": ["b"]},
                },
            },
            Fixes(
                candidates=(REVERT,),
                fix_commits=(FixCommit(parts=(0,), sha=FIX),),
                verify=(GOOD,),
                runs=3,
                confirms="20260306-101500-1a2b",
                cells={"a": ("b",)},
            ),
        ),
        ({"command": "step", "endpoint_runs": 1}, Step()),
    ],
    ids=["run", "demo", "repro", "fixes", "step"],
)
def test_request_without_a_mode_is_read(stored, mode):
    assert Request.model_validate(EARLIER | stored) == Request(
        mode=mode,
        repo="/r",
        bad=BAD,
        check=SuiteCheck(),
        scenario="external-lb-dp",
        profile="reference",
        rerun="bisect-run again",
    )


@pytest.mark.parametrize("stored", [{}, {**EARLIER, "goods": [GOOD], "colour": "red"}, EARLIER])
def test_invalid_request_is_rejected(stored):
    """The last names no commit to start from."""
    with pytest.raises(ValidationError):
        Request.model_validate(stored)


@pytest.mark.parametrize(
    ("mode", "ends", "finds_fix"),
    [
        (Bisect(goods=(GOOD,)), (GOOD, BAD), False),
        (Bisect(goods=(GOOD,), find="fix"), (GOOD, BAD), True),
        (Step(), (BAD,), False),
    ],
)
def test_commits_that_a_request_names(mode, ends, finds_fix):
    request = Request(mode=mode, repo="/r", bad=BAD, check=SuiteCheck())
    assert (request.ends, request.finds_fix) == (ends, finds_fix)


def test_budget_is_used_up_by_trials_or_minutes():
    budget = Budget(trials=3, minutes=2.0)
    assert not budget.is_used_up(2, 1.9)
    assert budget.is_used_up(3, 0.0)
    assert budget.is_used_up(0, 2.0)
    assert not Budget().is_used_up(10**6, 1e6)


def test_remaining_budget():
    left = Budget(trials=3, minutes=2.0).minus(2, 0.5)
    assert (left.trials, left.minutes) == (1, 1.5)
    assert not left.is_used_up(0, 1.0)
    assert left.minus(1, 0.0).is_used_up(0, 0.0)
    assert Budget().minus(5, 5.0) == Budget()
