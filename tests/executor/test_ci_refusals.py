"""Calls that a service rejects, and a service that fails while a job runs."""

from __future__ import annotations

import threading

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, PASS
from farmed_jobs import SERVICES, SHA, always, check, events, result, submit

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.event import Entered, Failed, Noted


class Patient(threading.Event):
    """Does not wait."""

    def wait(self, timeout=None):  # noqa: ARG002
        return self.is_set()


@pytest.mark.parametrize("service", SERVICES)
def test_job_rerun_by_another_user_at_the_same_time_is_the_trial(farmed, tmp_path, service):
    """Our call is rejected then, which is no result of the commit."""

    answers = []

    def rerun():
        answers.append(farm.requests)
        if len(answers) == 2:  # the builds, and the jobs of the only one: our call is next
            farm.builds[0].jobs[0].retried = True
            farm.queue_job(farm.builds[0], attempt=2)

    with at_work(Farm(lambda _, count: (FAIL, PASS)[count], queue=3)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        result(executor, tmp_path)
        farm.on_answer = rerun
        found = result(executor, tmp_path)
    assert (found.outcome, found.is_free, farm.started, len(farm.calls)) == ("passed", True, [], 1)


@pytest.mark.parametrize(
    ("allowed", "outcome", "started"), [(False, "unbuildable", []), (True, "passed", [SHA])]
)
def test_passed_job_that_cannot_be_retried_needs_a_build(farmed, tmp_path, allowed, outcome, started):
    with at_work(Farm(always(PASS))) as farm:
        farm.permits_passed = False
        farm.build(SHA)
        executor = farmed(farm, check("buildkite", allow_builds=allowed))
        assert result(executor, tmp_path).is_free
        found = result(executor, tmp_path)
    assert (found.outcome, farm.started) == (outcome, started)
    if not allowed:
        assert (
            found.reason
            == "Buildkite rejects the call: Only failed, timed out or canceled jobs can be retried"
        )


def test_failing_service_is_polled_again(farmed, tmp_path):
    with at_work(Farm(always(PASS), queue=2)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("buildkite"), cancel=Patient(), step=1.0)
        submit(executor, tmp_path)
        assert isinstance(executor.next_event(), Entered)
        farm.fails = 12
        *found, ended = events(executor)
    assert ended.result.outcome == "passed"
    (message,) = [each.sentence for each in found if isinstance(each, Noted)]
    assert message.startswith("Buildkite does not answer: HTTP 500")
    assert message.endswith("trying again for 30 minutes")


def test_long_failure_of_a_service_ends_the_session(farmed, tmp_path):
    with at_work(Farm(always(PASS), queue=2)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("buildkite"), cancel=Patient(), step=1000.0)
        submit(executor, tmp_path)
        assert isinstance(executor.next_event(), Entered)
        farm.fails = 1000
        ended = events(executor)[-1]
    assert isinstance(ended, Failed)
    assert isinstance(ended.error, EnvironmentFailed)
