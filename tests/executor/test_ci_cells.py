"""The tests of a job are cells, from its reports or else its log."""

from __future__ import annotations

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, TEST, Ending, junit_of
from farmed_jobs import SERVICES, SHA, always, check, result

NO_NAMES = Ending("failed", 1, "", "2 tests, 1 failed\n", junit_of(red=True))


@pytest.mark.parametrize("service", SERVICES)
def test_tests_of_a_report_are_cells(farmed, tmp_path, service):
    with at_work(Farm(always(NO_NAMES))) as farm:
        farm.build(SHA)
        found = result(farmed(farm, check(service)), tmp_path)
    assert [(each.cell, each.outcome) for each in found.cells] == [(TEST, "failed")]
    assert found.cell(TEST).failure.signature.exception == "RuntimeError"


@pytest.mark.parametrize("service", SERVICES)
def test_each_attempt_has_its_own_report(farmed, tmp_path, service):
    green = Ending("passed", 0, "", "", junit_of(red=False, skipped=True))
    with at_work(Farm(lambda _, count: (NO_NAMES, green)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        first, second = (result(executor, tmp_path, cells=(TEST,)) for _ in range(2))
    assert (first.cell(TEST).outcome, second.cell(TEST).outcome) == ("failed", "skipped")


@pytest.mark.parametrize("service", SERVICES)
def test_log_is_read_without_a_token_for_reports(farmed, tmp_path, service):
    with at_work(Farm(always(Ending("failed", 1, "", FAIL.log, junit_of(red=False))))) as farm:
        farm.build(SHA)
        farm.forbids = "/artifacts"
        found = result(farmed(farm, check(service)), tmp_path)
    assert [(each.cell, each.outcome) for each in found.cells] == [(TEST, "failed")]
