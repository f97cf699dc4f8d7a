"""The output of `plan`: candidates, environments, forecasts, native changes.

After a change of wording: `UPDATE_GOLDEN=1 python -m pytest tests/cli`, then read the diff.
"""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace

import pytest
from golden_files import compare
from rich.console import Console

from bisect_tool.build import fingerprint
from bisect_tool.expected_cost import PastTrial, Schedule
from bisect_tool.mode import Bisect
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home as current_home
from bisect_tool.render.plan import render_plan
from bisect_tool.scenario import load
from bisect_tool.search.prior import Suspicion
from bisect_tool.session import plan
from bisect_tool.session.plan import Forecast, Plan, plan_of


def test_plan_of_the_engine(cli, normalise, engine):
    ended = cli("plan", "--repo", engine, "--good", "good", "--bad", "bad", "--cells", "*completion[4]")
    assert (ended.code, ended.err) == (0, "")
    compare("plan-engine.txt", normalise(ended.out))


def test_plan_as_json(cli, project):
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--json", "--", "./check.sh")
    assert (ended.code, ended.err) == (0, "")
    document = json.loads(ended.out)
    assert (document["schema"], document["command"], len(document["candidates"])) == (1, "plan", 7)
    assert document["executors"] == [
        {
            "executor": "local",
            "slots": 1,
            "past_trials": 0,
            "missing_environments": 0,
            "builds_timed": False,
            "costs": [],
        }
    ]


def test_plan_of_a_command(cli, normalise, project):
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh", "a b")
    assert (ended.code, ended.err) == (0, "")
    compare("plan-command.txt", normalise(ended.out))


def test_plan_warns_of_a_busy_machine(cli, project, load):
    load(cpu=0.6)
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh")
    assert re.search(r"(?m)^Machine +busy: CPU pressure 60%; tests with deadlines may time out", ended.out)


@pytest.mark.parametrize("first_parent", [False, True])
@pytest.mark.parametrize(("good", "bad"), [("good", "bad"), ("unbuildable", "bad"), ("flaky", "fixed")])
def test_plan_counts_each_environment_once(engine, good, bad, first_parent):
    arguments = RunOptions(
        good=(good,), bad=bad, repo=str(engine), profile="reference", first_parent=first_parent
    )
    resolved = resolve(arguments, current_home(), pytest.fail)
    build = load("external-lb-dp").profile("reference").build
    shas = (*resolved.range.goods, *resolved.range.parents)
    needed = len({fingerprint(resolved.repository, sha, build) for sha in shas})
    found = plan_of(resolved)
    assert (found.environments, found.costs[0].missing) == (needed, needed)


def test_plan_has_a_cost_for_each_forecast(project):
    arguments = RunOptions(good=("c1",), bad="c8", repo=str(project.path), slots=2, command=("./check.sh",))
    resolved = resolve(arguments, current_home(), pytest.fail)
    past = {"local": (PastTrial(60.0), PastTrial(120.0))}
    found = plan_of(resolved, past)
    (local,) = found.costs
    means = [cost.wall_seconds.mean for cost in local.costs]
    assert (local.executor, local.slots, local.past_trials) == ("local", 2, 2)
    assert len(means) == len(found.forecasts)
    assert means == sorted(means), "rare failures take longer"
    assert 90 * found.forecasts[0].mean == pytest.approx(local.costs[0].trial_seconds.mean, rel=0.05)
    assert found.deadline_s == 3600.0


def commits(number):
    return tuple(
        SimpleNamespace(sha=f"{index:040x}", subject=f"Change {index} (#{index})", pr=index)
        for index in range(1, number + 1)
    )


def planned(number, **fields):
    given = {
        "goods": commits(1),
        "commits": commits(number),
        "repo": "/engine",
        "check": "external-lb-dp, profile reference",
        "environments": 1,
        "native": {},
        "pinned": False,
    }
    paper = io.StringIO()
    Console(file=paper, width=80, color_system=None).print(render_plan(Plan(**{**given, **fields})))
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_plan_shows_forty_candidates_in_full():
    shown = planned(40)
    assert shown[-40] == "  000000000  #1   Change 1"
    assert shown[-1] == "  000000000  #40  Change 40"
    assert "more" not in "".join(shown)


def test_plan_shows_head_and_tail_of_more():
    shown = planned(1041)
    assert shown[0] == "Candidates    1041 commits in /engine"
    assert shown[-41] == "  000000000  #1     Change 1"
    assert shown[-22:-19] == [
        "  000000000  #20    Change 20",
        "  ...               1001 more",
        "  000000000  #1022  Change 1022",
    ]
    assert shown[-1] == "  000000000  #1041  Change 1041"


def test_plan_shows_the_cost_of_a_search():
    shown = planned(2, forecasts=(Forecast(1.0, 8.6, 10.0, 2), Forecast(0.25, 61.7, 131.0, 2)))
    assert "Trials        about 9 (95th percentile 10) if bad commits always fail" in shown
    text = " ".join(" ".join(shown).split())
    assert "about 62 (95th percentile 131) if bad commits fail 25% of the time; 2 runs" in text
    assert "; 2 runs of the bad commit miss the failure 56% of the time (--endpoint-runs)" in text


def test_plan_shows_why_a_commit_is_suspect():
    sha = f"{2:040x}"
    hostile = Suspicion(sha, 0.02, ("touches \x1b[31mdocs\u202e.md", "docs only"))
    shown = planned(2, suspicions={sha: hostile})
    text = " ".join(" ".join(shown).split())
    assert text.endswith("0.02 times as likely as the average commit: touches docs.md; docs only")


def test_plan_lists_changes_that_a_pinned_base_lacks():
    shown = planned(2, pinned=True, native={"ab" * 20: tuple(f"csrc/{name}.cu" for name in "abcdefg")})
    assert "Environments  1, with one compiled base for all commits" in shown
    title = shown.index("Commits that change native files (not rebuilt: the compiled base is pinned)")
    assert shown[title + 1] == (
        "  ababababa  csrc/a.cu, csrc/b.cu, csrc/c.cu, csrc/d.cu, csrc/e.cu and 2 more"
    )


def test_plan_shows_the_last_of_many_commits_that_change_native_files():
    shown = planned(2, native={f"{number:09}": ("csrc/a.cu",) for number in range(100)})
    title = shown.index("Commits that change native files")
    assert shown[title + 1] == "  ...        60 earlier commits"
    assert shown[title + 2] == "  000000060  csrc/a.cu"
    assert shown[title + 41 : title + 43] == ["  000000099  csrc/a.cu", ""]


def test_long_range_is_forecast_by_its_parts(monkeypatch):
    """If it always fails, twice the commits need one run more, at any length."""
    simulated = []
    monkeypatch.setattr(
        plan,
        "simulate_search",
        lambda case, *_: simulated.append(case) or SimpleNamespace(schedule=Schedule((1,) * 9, 7)),
    )
    mode = Bisect(goods=("good",))
    names = [f"c{number}" for number in range(1024)]
    parents = {name: (names[index - 1] if index else "good",) for index, name in enumerate(names)}
    (always, *_, seldom) = plan._forecasts(mode, 1, parents, [Suspicion("c1000", 99.0, ())])
    assert (always.mean, always.p95) == (12.0, 12.0)
    assert set(always.searches) == {Schedule((1,) * 12, 10)}
    assert seldom.mean > 20
    assert {len(case.dag.candidates) for case in simulated} == {128}
    (case, *_) = simulated
    assert case.weights is not None
    assert case.weights["part 125"] == 13.25
    assert case.weights["part 0"] == 1.0
