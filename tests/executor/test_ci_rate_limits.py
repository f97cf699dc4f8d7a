"""All slots share the rate limit of a service, and leave half of it to others."""

from __future__ import annotations

import threading

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, PASS
from farmed_jobs import OTHER, SERVICES, SHA, always, check, result, submit

from bisect_tool.executor.event import Yielded


class Patient(threading.Event):
    """Records waits without waiting."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(("service", "prefix"), [("buildkite", ""), ("github", "X-")])
def test_all_slots_leave_half_of_the_rate_limit_to_others(farmed, tmp_path, service, prefix):
    patient = Patient()
    names = {"Limit": "10", "Remaining": "5", "Reset": "7"}
    with at_work(Farm(always(PASS))) as farm:
        farm.headers = {f"{prefix}RateLimit-{name}": value for name, value in names.items()}
        for sha in (SHA, OTHER):
            farm.build(sha)
        executor = farmed(farm, check(service), slots=2, cancel=patient)
        for sha in (SHA, OTHER):
            submit(executor, tmp_path, sha)
        for _ in range(2):
            assert isinstance(executor.next_event(), Yielded)
    assert patient.waits == [7.0] * (farm.requests - 1)


@pytest.mark.parametrize("service", SERVICES)
def test_rate_limited_call_is_retried(farmed, tmp_path, service):
    patient = Patient()
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        farm.refusals = 2
        executor = farmed(farm, check(service), cancel=patient)
        for _ in range(2):
            found = result(executor, tmp_path)
    assert (found.outcome, farm.started, patient.waits.count(3.0)) == ("passed", [SHA], 2)
