"""The table of stated confidence."""

import numpy as np
import pytest

from benchmarks.search import stated
from benchmarks.search.problem import Noise
from bisect_tool.simulate.simulate import Schedule, SearchOutcome


def outcome(confidence, *, right):
    return SearchOutcome("c1", right, confidence, Schedule((1,), 1), midpoint_trials=0, rounds=0)


def test_bins_have_the_number_and_share_of_right_culprits():
    named = [outcome(0.955, right=True), outcome(0.99, right=True), outcome(0.98, right=False)]
    assert list(stated._bins(named)) == ["1.000 (1)", "0", "0", "0.500 (2)"]


@pytest.mark.parametrize("noise", [Noise(0.5, 0), None])
def test_same_seed_draws_the_same_searches(noise):
    assert stated.searches(noise, 3, seed=1) == stated.searches(noise, 3, seed=1)


def test_rates_of_the_prior_are_drawn_for_each_search():
    rates = stated._expected(200, np.random.default_rng(1))
    assert 60 <= sum((each.fail_bad, each.fail_good) == (1.0, 0.0) for each in rates) <= 140
    assert len(set(rates)) > 30
