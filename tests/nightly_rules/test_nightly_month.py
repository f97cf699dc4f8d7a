"""Decisions in simulated months, whose causes are known."""

import pytest
from simulated_month import simulate

SEEDS = range(6)


@pytest.fixture(scope="module")
def months():
    return [simulate(seed) for seed in SEEDS]


def total(months, figure):
    return sum(getattr(month, figure) for month in months)


def listed(months, figure):
    return [one for month in months for one in getattr(month, figure)]


def test_months_have_all_kinds_of_failures(months):
    assert total(months, "regressions") == 4 * len(SEEDS)
    assert min(month.flaky_reds for month in months) > 10
    assert min(month.incident_reds for month in months) > 2


def test_every_regression_is_found_within_a_night_of_its_second_red(months):
    assert listed(months, "found_late") == []


def test_no_regression_is_bisected_twice(months):
    assert listed(months, "bisected_twice") == []


def test_no_incident_is_bisected(months):
    assert listed(months, "incidents_bisected") == []


def test_few_red_nights_of_flaky_cells_are_bisected(months):
    assert len(listed(months, "flakes_bisected")) < 0.02 * total(months, "flaky_reds")


def test_reruns_are_few(months):
    assert total(months, "reruns") < 0.15 * total(months, "runs")
