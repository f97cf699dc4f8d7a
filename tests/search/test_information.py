"""The expected information of the next run: known values, and the definition implemented directly."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import log2
from types import SimpleNamespace

import numpy as np
import pytest
from graphs import GOOD as END
from graphs import histories, line
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Dag, Inference
from bisect_tool.search.information import OUTSIDE, Predictive, information
from bisect_tool.verdict import Verdict

GOOD, BAD = Verdict.GOOD, Verdict.BAD


def entropy(probability):
    return -sum(each * log2(each) for each in (probability, 1 - probability) if each > 0)


def predictive(
    shares, *, p_fail_bad=1.0, p_fail_good=0.0, flaky=0.0, p_fail_flaky=0.5, elsewhere=0.0, last=None
):
    """The prediction for a line of suspects with these probabilities."""
    size = len(shares)
    rates = np.full(size, p_fail_bad), np.full(size, p_fail_good)
    return Predictive.of(
        SimpleNamespace(
            dag=Dag(line(size)),
            only=np.array(shares),
            p_fail_descendant=rates[0],
            p_fail_other=rates[1],
            noise=lambda bits: tuple(bits(rate) for rate in rates),
            flaky=flaky,
            p_fail_flaky=p_fail_flaky,
            last=np.zeros(size) if last is None else np.array(last),
            elsewhere=elsewhere,
            breakages=SimpleNamespace(
                p_fail_after_last=lambda: np.full(size, 0.9),
                p_fail_inconsistent=lambda _: np.full(size + 1, 0.5),
            ),
            end=END,
        )
    )


def test_without_noise_information_is_the_entropy_of_the_split():
    bits = information(predictive([0.25] * 4))
    assert bits == pytest.approx([entropy(0.25), 1.0, entropy(0.25), 0.0, 0.0])


def test_symmetric_noise_has_the_capacity_of_a_binary_symmetric_channel():
    bits = information(predictive([0.5, 0.5], p_fail_bad=0.9, p_fail_good=0.1))
    assert bits == pytest.approx([1 - entropy(0.1), 0.0, 0.0])


def test_one_sided_noise_gives_the_information_of_a_z_channel():
    bits = information(predictive([0.5, 0.5], p_fail_bad=0.5, p_fail_good=0.0))
    assert bits[0] == pytest.approx(entropy(0.25) - 0.5)


def test_run_at_an_end_shows_whether_there_is_a_culprit():
    bits = information(predictive([0.25, 0.25], flaky=0.5, p_fail_flaky=0.5))
    assert bits[2] == pytest.approx(entropy(0.25) - 0.5)
    assert bits[1] == pytest.approx(bits[2])
    assert information(predictive([0.25, 0.25], elsewhere=0.5))[2] == pytest.approx(bits[2])


@pytest.mark.parametrize("certain", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
def test_information_is_zero_if_the_culprit_is_certain(certain):
    assert information(predictive(certain)) == pytest.approx([0.0] * 4, abs=1e-9)
    assert information(predictive(certain, p_fail_bad=0.7, p_fail_good=0.2)) == pytest.approx(
        [0.0] * 4, abs=1e-9
    )


def test_a_run_in_progress_is_not_worth_repeating():
    assert information(predictive([0.25] * 4), [1]) == pytest.approx([0.5, 0.0, 0.5, 0.0, 0.0])
    assert information(predictive([0.25] * 4), [0, 1, 2]) == pytest.approx([0.0] * 5, abs=1e-9)


def information_by_definition(prediction, running, place):
    """I(outcome at `place`; hypothesis | outcomes of the running trials), summed over all outcomes."""
    size = len(prediction.only)

    def contains(commit, tried):
        return (
            tried != OUTSIDE
            and np.arange(size)[prediction.ancestry.ancestors_of(tried)].tolist().count(commit) > 0
        )

    def fails(hypothesis, tried):
        if hypothesis == "flaky":
            return prediction.p_fail_flaky
        if hypothesis == "elsewhere":
            return prediction.p_fail_inconsistent[tried]
        if isinstance(hypothesis, str):
            return (
                prediction.p_fail_after_last
                if contains(int(hypothesis), tried)
                else prediction.p_fail_inconsistent
            )[tried]
        return (prediction.p_fail_descendant if contains(hypothesis, tried) else prediction.p_fail_other)[
            hypothesis
        ]

    probabilities = {commit: prediction.only[commit] for commit in range(size)}
    probabilities |= {"flaky": prediction.flaky, "elsewhere": prediction.elsewhere}
    probabilities |= {str(commit): prediction.last[commit] for commit in range(size)}
    bits = 0.0
    for outcomes in product([True, False], repeat=len(running)):
        weight = fail = 0.0
        for hypothesis, probability in probabilities.items():
            for tried, failed in zip(running, outcomes, strict=True):
                rate = fails(hypothesis, tried)
                probability *= rate if failed else 1 - rate  # noqa: PLW2901
            weight += probability
            fail += probability * fails(hypothesis, place)
        if weight > 0:
            bits += weight * entropy(min(1.0, fail / weight))
    return bits - sum(
        probability * entropy(fails(each, place)) for each, probability in probabilities.items()
    )


@given(histories(10), st.data())
@settings(max_examples=60, deadline=None)
def test_information_matches_the_definition(parents, data):
    any_commit = st.sampled_from([*sorted(parents), END])
    observed = data.draw(st.lists(st.tuples(any_commit, st.sampled_from([GOOD, BAD])), max_size=8))
    search = Bisection(Inference(Dag(parents), list(parents)[-1], (END,), fix=data.draw(st.booleans())))
    prediction = Predictive.of(search.observe(*observed).known.posterior)
    running = data.draw(st.lists(st.integers(OUTSIDE, len(parents) - 1), max_size=3))
    bits = information(prediction, running)
    assert bits == pytest.approx(
        [information_by_definition(prediction, running, place) for place in [*range(len(parents)), OUTSIDE]]
    )
    assert (bits <= information(prediction) + 1e-9).all()
    assert (bits >= -1e-9).all()


def search_of_line(size):
    """A line of commits whose last one failed."""
    end = f"c{size - 1}"
    return Bisection(Inference(Dag(line(size)), end, (END,))).observe((end, BAD))


def test_dozens_of_slots_are_spread_over_the_commits():
    """Once, 64 slots ran half of these commits once or twice and the others seven or eight times."""
    runs = Counter(search_of_line(16).plan(64))
    assert len(runs) >= 15
    assert max(runs.values()) <= 5
