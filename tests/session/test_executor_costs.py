"""Expected costs at each executor: which past trials they follow from."""

from __future__ import annotations

import pytest

from bisect_tool.checks import CommandCheck, JobCheck
from bisect_tool.expected_cost import PastTrial, Schedule
from bisect_tool.mode import Bisect
from bisect_tool.request import Request
from bisect_tool.session.executor_costs import executor_costs

SHA = "0123456789abcdef0123456789abcdef01234567"
LOCAL = CommandCheck(argv=("true",))
JOB = JobCheck(service="github", repository="engine/engine", workflow="gpu.yml", job="gpu")
FORECASTS = ((Schedule((1, 1, 1), commits=2),), (Schedule((1,) * 10, commits=4),))


def request(check=LOCAL, slots=1):
    return Request(mode=Bisect(goods=(SHA,)), repo="/r", bad=SHA[::-1], check=check, slots=slots)


@pytest.mark.parametrize(
    ("check", "ray", "name"), [(LOCAL, None, "local"), (LOCAL, "auto", "ray"), (JOB, None, "github")]
)
def test_without_past_trials_the_executor_of_the_request_has_no_cost(check, ray, name):
    made = request(check).model_copy(update={"ray_address": ray})
    (cost,) = executor_costs(made, FORECASTS, {}, 0)
    assert (cost.executor, cost.past_trials, cost.costs) == (name, 0, ())


def test_each_executor_has_its_own_durations():
    past = {"github": (PastTrial(600.0, gpus=4),), "local": (PastTrial(60.0),)}
    local, github = executor_costs(request(), FORECASTS, past, 0)
    assert (local.executor, github.executor) == ("local", "github")
    assert [cost.wall_seconds.mean for cost in local.costs] == [180.0, 600.0]
    assert [cost.gpu_seconds.mean for cost in github.costs] == [7200.0, 24000.0]
    assert [cost.gpu_seconds.mean for cost in local.costs] == [0.0, 0.0]


@pytest.mark.parametrize(("build_s", "timed", "mean"), [(30.0, True, 240.0), (None, False, 180.0)])
def test_builds_are_included_if_one_was_timed(build_s, timed, mean):
    past = {"local": (PastTrial(60.0, build_s),)}
    (cost,) = executor_costs(request(), FORECASTS, past, missing=5)
    assert (cost.missing, cost.builds_timed) == (5, timed)
    assert cost.costs[0].wall_seconds.mean == mean
