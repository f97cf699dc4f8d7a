"""Dispatched runs of GitHub without a commit in the title, and with an unknown number."""

from __future__ import annotations

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, PASS
from farmed_jobs import SHA, always, check, result, submit

from bisect_tool.errors import UsageError

DISPATCHED = check("github", input="sha")
NAMELESS = {"ran": False, "event": "workflow_dispatch", "title": "gpu", "head": "f" * 40}


@pytest.fixture
def farm():
    """A farm whose runs do not name their commit."""
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count % 2])) as found:
        found.titled, found.returns_run = False, False
        yield found


def nameless(farm, sha=SHA, **fields):
    """A dispatched run, on another commit than it tests."""
    made = farm.build(sha, **{name: value for name, value in NAMELESS.items() if name != "head"}, **fields)
    made.head = NAMELESS["head"]
    return made


@pytest.mark.parametrize("account", ["us", ""])
@pytest.mark.parametrize("is_killed", [False, True])
def test_only_run_since_the_dispatch_is_claimed(farmed, tmp_path, caplog, farm, account, is_killed):  # noqa: PLR0917
    farm.account = account
    nameless(farm)  # dispatched before ours
    executor = farmed(farm, DISPATCHED, step=9.0)
    if is_killed:
        submit(executor, tmp_path)
        assert executor.next_event().phase == "starting a job"
        executor = farmed(farm, DISPATCHED, step=9.0)
    found = result(executor, tmp_path)
    assert (found.sha, found.is_free, farm.started) == (SHA, False, [SHA])
    assert found.job.attempt == f"1 job {farm.started_jobs[0]}"
    (warning,) = [each for each in caplog.messages if "is assumed to be" in each]
    assert warning == f"run {farm.builds[1].number} is assumed to be the one dispatched for {SHA}"


def test_run_of_another_user_is_not_claimed(farmed, tmp_path, farm):
    farm.on_start = lambda: nameless(farm, actor="somebody")
    found = result(farmed(farm, DISPATCHED, step=9.0), tmp_path)
    assert found.job.attempt == f"1 job {farm.started_jobs[0]}"


@pytest.mark.parametrize("account", ["us", ""])
def test_no_second_run_is_dispatched_if_ours_is_ambiguous(farmed, tmp_path, farm, account):
    farm.account = account
    farm.on_start = lambda: nameless(farm, actor="us" if account else "somebody")
    executor = farmed(farm, DISPATCHED, step=9.0)
    with pytest.raises(
        UsageError, match=r"cannot tell which of 2 runs tests aaaaaaaaa: https://github\.com/"
    ) as no:
        result(executor, tmp_path)
    assert "run-name" in no.value.hint
    assert farm.started == [SHA]


def test_run_that_names_another_commit_is_not_claimed(farmed, tmp_path, farm):
    farm.on_start = lambda: setattr(nameless(farm, "b" * 40), "title", f"gpu {'b' * 40}")
    found = result(farmed(farm, DISPATCHED, step=9.0), tmp_path)
    assert found.job.attempt == f"1 job {farm.started_jobs[0]}"


def test_missing_run_is_lost(farmed, tmp_path, farm):
    farm.on_answer = lambda: [farm.builds.remove(each) for each in farm.builds if each.event != "schedule"]
    found = result(farmed(farm, DISPATCHED, step=9.0), tmp_path)
    assert (found.outcome, farm.started) == ("infrastructure", [SHA])
    assert found.reason == "the service does not list the started job"


def test_missing_rerun_claims_no_dispatched_run(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.build(SHA)
        executor = farmed(farm, DISPATCHED, step=9.0)
        result(executor, tmp_path)
        nameless(farm, "b" * 40)
        farm.on_answer = lambda: farm.builds[0].jobs.__delitem__(slice(1, None))
        found = result(executor, tmp_path)
    assert found.outcome == "infrastructure"


def test_older_server_gets_requests_without_details(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.knows_details = False
        found = result(farmed(farm, DISPATCHED), tmp_path)
    assert (found.outcome, farm.started) == ("passed", [SHA])
    assert ["return_run_details" in body for _, _, body in farm.calls] == [True, False]
