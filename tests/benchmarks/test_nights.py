"""The nights that the benchmark draws."""

import numpy as np
import pytest

from benchmarks.search import nights
from benchmarks.search.problem import Noise
from bisect_tool.simulate.searches import linear_searches


@pytest.mark.parametrize("known", [nights.Known.DRAWN, nights.Known.GREEN])
@pytest.mark.parametrize("noise", [Noise(1, 0), Noise(0.5, 0.2)])
def test_twenty_nights_before_and_five_from_the_first_red_night(known, noise):
    chance = np.random.default_rng(1)
    (case,) = linear_searches(8, 1, chance)
    earlier = nights._with_nights(case, noise, known, chance).earlier
    ends = dict(earlier.at)
    assert (ends[case.good].passed, ends[case.bad].failed) == (1, 1)
    assert earlier.total == nights.BEFORE + nights.FROM_RED
    assert (earlier.before.failed == 0) is (known is nights.Known.GREEN or not noise.p_fail_good)


def test_same_seed_draws_the_same_nights():
    asked = (8, Noise(0.5, 0), nights.Known.DRAWN, 2)
    assert nights.searches(*asked, seed=1) == nights.searches(*asked, seed=1)
