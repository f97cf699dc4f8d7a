"""What trials can do where they run, as the planner and the report have it."""

from __future__ import annotations

import pytest

from bisect_tool.request import CommandCheck, JobCheck, SuiteCheck
from bisect_tool.session.capabilities import capabilities_of

JOB = JobCheck(service="buildkite", pipeline="engine/ci", job="GPU*")


@pytest.mark.parametrize("check", [SuiteCheck(), CommandCheck(argv=("true",))], ids=["suite", "command"])
def test_trials_on_this_machine_can_show_all(check):
    found = capabilities_of(check)
    assert (found.selects_cells, found.stresses, found.not_examined) == (True, True, ())


def test_a_job_runs_as_its_step_says_and_its_machine_is_out_of_reach():
    found = capabilities_of(JOB)
    assert (found.selects_cells, found.stresses) == (False, False)
    assert found.not_examined == ("order dependence", "leftovers")
