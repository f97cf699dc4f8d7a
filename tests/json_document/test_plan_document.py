"""The document of `plan`: every field is described, and the values are those of the plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from bisect_tool.expected_cost import ExpectedCost, Interval
from bisect_tool.json_document.plan import (
    PlanDocument,
    PlannedCommit,
    PlannedCost,
    PlannedTrials,
    plan_document,
)
from bisect_tool.search.prior import Suspicion
from bisect_tool.session.executor_costs import ExecutorCost
from bisect_tool.session.plan import Forecast, Plan

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
SECTION = REFERENCE.read_text(encoding="utf-8").partition("\n## Plan\n")[2].partition("\n## ")[0]
GOOD, OTHER, BAD = ("a" * 40, "b" * 40, "c" * 40)


def commit(sha, subject="Change"):
    return SimpleNamespace(sha=sha, subject=subject, pr=7)


def plan(**more):
    cost = ExpectedCost(Interval(60.0, 50.0, 70.0), Interval(90.0, 80.0, 99.0), Interval(0.0, 0.0, 0.0))
    fields = {
        "goods": (commit(GOOD),),
        "commits": (commit(OTHER, "Touch \x1b[31mred"), commit(BAD)),
        "repo": "/engine",
        "check": "./check.sh",
        "environments": 2,
        "native": {OTHER: ("csrc/a.cu",)},
        "pinned": False,
        "forecasts": (Forecast(1.0, 8.5, 10.0, 2),),
        "costs": (ExecutorCost("local", 2, 34, (cost,), 1, builds_timed=True),),
        "deadline_s": 1800.0,
        "suspicions": {OTHER: Suspicion(OTHER, 2.5, ("one source file",))},
    }
    return Plan(**{**fields, **more})


@pytest.mark.parametrize(
    "model", [PlanDocument, PlannedCommit, PlannedTrials, PlannedCost, ExpectedCost, Interval]
)
def test_every_field_is_described(model):
    names = [field.alias or name for name, field in getattr(model, "model_fields", {}).items()]
    for name in names or model.__dataclass_fields__:
        assert re.search(rf"`{name}`", SECTION)


def test_document_has_candidates_trials_and_costs():
    document = json.loads(plan_document(plan()).to_json())
    first, last = document["candidates"]
    assert first == {
        "sha": OTHER,
        "subject": "Touch red",
        "pr": 7,
        "weight": 2.5,
        "reasons": ["one source file"],
        "native_files": ["csrc/a.cu"],
        "wheel": None,
    }
    assert (last["weight"], last["reasons"]) == (1.0, [])
    assert document["trials"] == [{"p_fail_bad": 1.0, "mean": 8.5, "p95": 10.0, "p_missed": 0.0}]
    (local,) = document["executors"]
    assert local["costs"][0]["wall_seconds"] == {"mean": 60.0, "low": 50.0, "high": 70.0}
    assert (local["past_trials"], local["missing_environments"], local["builds_timed"]) == (34, 1, True)


@pytest.mark.parametrize(
    ("fix", "find", "good", "bad"), [(False, "regression", GOOD, BAD), (True, "fix", BAD, GOOD)]
)
def test_ends_are_named_as_on_the_command_line(fix, find, good, bad):
    document = plan_document(plan(fix=fix))
    assert (document.find, document.good, document.bad) == (find, (good,), bad)


def test_document_is_read_as_it_was_written():
    document = plan_document(plan())
    assert PlanDocument.model_validate_json(document.to_json()) == document
