"""Wheels and costs in the output of `plan`."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from packaging.version import Version
from rich.console import Console

from bisect_tool.expected_cost import ExpectedCost, Interval
from bisect_tool.render.plan import render_plan
from bisect_tool.session.executor_costs import ExecutorCost
from bisect_tool.session.plan import Forecast, Plan
from bisect_tool.wheels.index import Wheel

COMMITS = tuple(
    SimpleNamespace(sha=f"{letter * 40}", subject=f"Change {letter} (#{number})", pr=number)
    for number, letter in enumerate("abcd", 1)
)


def shown(wheels, **more):
    plan = Plan(
        goods=COMMITS[:1],
        commits=COMMITS[1:],
        repo="/engine",
        check="external-lb-dp, profile gpu",
        environments=2,
        native={},
        pinned=False,
        wheels=wheels,
        **more,
    )
    output = io.StringIO()
    Console(file=output, width=110, color_system=None).print(render_plan(plan))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def wheel(letter, variant="cu129"):
    return Wheel(letter * 40, "http://host/w.whl", "w.whl", Version("1.0"), variant)


def test_candidates_have_the_source_of_their_build():
    lines = shown({"b" * 40: wheel("b"), "c" * 40: wheel("b")}, fresh="no wheel is published yet")
    assert lines[-3:] == [
        "  bbbbbbbbb  #2  wheel               Change b",
        "  ccccccccc  #3  wheel of bbbbbbbbb  Change c",
        "  ddddddddd  #4  source              Change d",
    ]
    start = next(number for number, line in enumerate(lines) if line.startswith("Wheels"))
    assert " ".join(line.strip() for line in lines[start : start + 2]) == (
        "Wheels        1 of 3 commits, variant cu129;"
        " 1 from the wheel of an ancestor with the same native files; 1 from source"
    )
    assert lines[start + 2].strip() == "no wheel is published yet"


def test_default_variant_has_no_name():
    used = {letter * 40: wheel(letter, "") for letter in "bcd"}
    assert "Wheels        3 of 3 commits" in shown(used)


def test_plan_without_commit_wheels_mentions_no_wheels():
    lines = shown(None)
    assert not any("wheel" in line.lower() for line in lines)
    assert lines[-1] == "  ddddddddd  #4  Change d"


def cost_lines(cost, deadline_s=None):
    forecasts = (Forecast(1.0, 8.6, 10.0, 20), Forecast(0.5, 30.0, 40.0, 20))
    lines = shown(None, forecasts=forecasts, costs=(cost,), deadline_s=deadline_s)
    start = next(number for number, line in enumerate(lines) if line.startswith("Cost"))
    end = next(number for number, line in enumerate(lines) if line.startswith("Environments"))
    return [line.removeprefix("Cost").strip() for line in lines[start:end]]


def cost_of(minutes, gpus):
    wall = Interval(minutes * 60.0, minutes * 30.0, minutes * 90.0)
    held = Interval(*(each * gpus for each in (wall.mean, wall.low, wall.high)))
    return ExpectedCost(wall, wall, held)


def test_each_forecast_has_a_cost_with_its_interval():
    assert cost_lines(ExecutorCost("local", 2, 34, (cost_of(20, 2), cost_of(60, 2)))) == [
        "local, 2 slots, from 34 past trials:",
        "about 20 min 00 s (10 to 30 min), 0.7 GPU-hours (0.3 to 1.0) if they always fail",
        "about 1 h 00 min (30 min to 2 h), 2.0 GPU-hours (1.0 to 3.0) if they fail 50% of the time",
    ]


def test_cost_without_gpus_has_trial_hours():
    heading, first, _ = cost_lines(ExecutorCost("github", 1, 1, (cost_of(20, 0),) * 2))
    assert heading == "github, 1 slot, from 1 past trial:"
    assert first == "about 20 min 00 s (10 to 30 min), 0.3 trial-hours (0.2 to 0.5) if they always fail"


def test_interval_with_equal_ends_is_omitted():
    _, first, _ = cost_lines(ExecutorCost("local", 1, 3, (cost_of(0.1, 0),) * 2))
    assert first == "about 6.0 s, <0.01 trial-hours if they always fail"


@pytest.mark.parametrize(
    ("timed", "text"), [(True, ", with up to 3 builds:"), (False, ", without 3 builds of unknown duration:")]
)
def test_cost_shows_whether_it_includes_builds(timed, text):
    heading, *_ = cost_lines(ExecutorCost("local", 1, 9, (cost_of(20, 0),) * 2, 3, timed))
    assert heading.endswith(text)


@pytest.mark.parametrize(("deadline_s", "end"), [(None, ""), (1800.0, "; tests time out after 30 min 00 s")])
def test_without_past_trials_the_cost_is_unknown(deadline_s, end):
    lines = cost_lines(ExecutorCost("buildkite", 1, 0, ()), deadline_s)
    assert lines == [f"buildkite, 1 slot: unknown, no past trials of this check{end}"]
