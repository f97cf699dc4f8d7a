"""The capabilities of trials on each executor, as planner and report use them."""

from __future__ import annotations

import pytest

from bisect_tool.checks import CommandCheck, JobCheck, SuiteCheck
from bisect_tool.mode import Step
from bisect_tool.request import Request
from bisect_tool.session.capabilities import capabilities_of

COMMAND = CommandCheck(argv=("true",))
BUILDKITE = JobCheck(service="buildkite", pipeline="engine/ci", job="GPU*")
GITHUB = JobCheck(service="github", repository="engine/engine", workflow="gpu.yml", job="GPU*")


def request(check, ray=None):
    return Request(mode=Step(), repo="/r", bad="b" * 40, check=check, ray_address=ray)


@pytest.mark.parametrize("ray", [None, "auto"], ids=["local", "ray"])
@pytest.mark.parametrize("check", [SuiteCheck(), COMMAND], ids=["suite", "command"])
def test_local_and_ray_trials_have_all_capabilities(check, ray):
    found = capabilities_of(request(check, ray))
    assert (found.selects_cells, found.stresses, found.not_examined) == (True, True, ())


@pytest.mark.parametrize("check", [BUILDKITE, GITHUB], ids=["buildkite", "github"])
def test_ci_jobs_neither_select_cells_nor_stress(check):
    found = capabilities_of(request(check))
    assert (found.selects_cells, found.stresses) == (False, False)
    assert found.not_examined == ("order dependence", "leftovers")


@pytest.mark.parametrize(
    ("check", "ray", "name", "here"),
    [
        (COMMAND, None, "local", True),
        (COMMAND, "auto", "ray", False),
        (BUILDKITE, None, "buildkite", False),
        (GITHUB, None, "github", False),
    ],
)
def test_a_request_names_its_executor(check, ray, name, here):
    made = request(check, ray)
    assert (made.executor, made.runs_here) == (name, here)
