"""Look-ups of a dry run: the first trial of every commit of a range, with few requests and no call."""

from __future__ import annotations

import pytest
from ci_farm import READ, Farm, at_work
from ci_farm_buildkite import BUILDS
from ci_farm_github import ACTIONS
from ci_job_output import FAIL, PASS
from farmed_jobs import SERVICES, always, check

from bisect_tool.ci_results import github_client
from bisect_tool.executor.ci import survey as surveys
from bisect_tool.executor.ci.connect import ci_survey

SHAS = tuple(f"{number:040x}" for number in range(1, 10))


@pytest.fixture
def surveyed(tmp_path):
    def look(farm, asked, shas=SHAS, calls=2):
        prefix, reads = {
            "buildkite": ("BUILDKITE", "BUILDKITE_API_TOKEN"),
            "github": ("GITHUB", "GITHUB_TOKEN"),
        }[asked.service]
        environment = {f"{prefix}_API_URL": farm.url, reads: READ}
        return ci_survey(asked, environment, tmp_path / "cache", shas, calls)

    return look


def does(found):
    return [each.does for each in found.prospects]


def test_first_trial_of_each_commit_of_a_pipeline(surveyed):
    one, two, three, four, five, _ = SHAS[:6]
    with at_work(Farm(always(FAIL), queue=9)) as farm:
        farm.build(one)
        blocked = farm.build(two, ran=False, gate=True)
        farm.build(three, ran=False)
        canceled = farm.build(four)
        canceled.jobs[0].cancel()
        farm.build(five, ran=False, uploads=9)
        found = surveyed(farm, check("buildkite"), SHAS[:6])
    assert does(found) == ["use", "unblock", "wait", "rerun", "wait", "skip"]
    details = [each.detail for each in found.prospects]
    assert details[0].startswith("failed: https://buildkite.com/engine/ci/builds/")
    assert details[1] == f"PUT {BUILDS}/{blocked.number}/jobs/{blocked.gate}/unblock"
    assert details[3] == f"PUT {BUILDS}/{canceled.number}/jobs/{canceled.jobs[0].id}/retry"
    assert details[4:] == [
        "a build has not listed its jobs yet",
        "Buildkite has no build of this commit (--allow-builds starts one)",
    ]
    assert [each.line for each in found.first] == [
        f"PUT {farm.url}{details[1].removeprefix('PUT ')} {{}}",
        f"PUT {farm.url}{details[3].removeprefix('PUT ')}",
    ]
    assert (farm.calls, found.reads, farm.requests) == ([], 6, 6)


def test_missing_build_would_be_started_if_allowed(surveyed):
    with at_work(Farm(always(PASS))) as farm:
        found = surveyed(farm, check("buildkite", allow_builds=True), SHAS[:3])
    assert does(found) == ["start"] * 3
    assert found.prospects[0].detail == f"POST {BUILDS}"
    assert f'"commit": "{SHAS[2]}"' in found.first[0].line
    assert (farm.calls, found.reads) == ([], 1)


@pytest.mark.parametrize("listed", [github_client.LIMIT, 1])
def test_runs_of_a_workflow_are_listed_at_once_unless_there_are_too_many(surveyed, monkeypatch, listed):
    monkeypatch.setattr(github_client, "LIMIT", listed)
    one, two, three = SHAS[:3]
    with at_work(Farm(always(PASS))) as farm:
        farm.build(one)
        farm.build("d" * 40, ran=True, event="workflow_dispatch", title=f"gpu {two}", other="")
        found = surveyed(farm, check("github", input="sha"), (one, two, three))
    assert does(found) == ["use", "use", "start"]
    assert found.prospects[2].detail == f"POST {ACTIONS}/workflows/gpu.yml/dispatches"
    assert farm.calls == []
    assert found.reads == (3 if listed > 1 else 3 + 2 * 3)


@pytest.mark.parametrize("service", SERVICES)
def test_limited_requests_look_up_the_ends_and_middle_first(surveyed, monkeypatch, service):
    monkeypatch.setattr(surveys, "MOST_READS", 4)
    with at_work(Farm(always(PASS))) as farm:
        for sha in SHAS:
            farm.build(sha)
        found = surveyed(farm, check(service))
    assert [index for index, each in enumerate(found.prospects) if each.does == "use"] == [0, 4, 8]
    assert does(found).count("unread") == 6
    assert farm.requests == found.reads == 4


def test_every_commit_is_looked_up_once(surveyed):
    with at_work(Farm(always(PASS))) as farm:
        for length in range(1, len(SHAS) + 1):
            found = surveyed(farm, check("buildkite"), SHAS[:length])
            assert [each.sha for each in found.prospects] == list(SHAS[:length])


def test_builds_of_many_commits_are_listed_in_parts(surveyed):
    shas = tuple(f"{number:040x}" for number in range(120))
    with at_work(Farm(always(PASS))) as farm:
        found = surveyed(farm, check("buildkite"), shas)
    assert (found.reads, set(does(found))) == (3, {"skip"})
