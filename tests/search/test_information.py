"""What the next run is expected to tell: known values, and the definition written out."""

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


def entropy(chance):
    return -sum(each * log2(each) for each in (chance, 1 - chance) if each > 0)


def predictive(shares, *, above=1.0, below=0.0, flaky=0.0, p_fail_flaky=0.5, elsewhere=0.0, last=None):
    """The prediction for a line of suspects with these probabilities."""
    size = len(shares)
    chances = np.full(size, above), np.full(size, below)
    return Predictive.of(
        SimpleNamespace(
            dag=Dag(line(size)),
            only=np.array(shares),
            p_fail_descendant=chances[0],
            p_fail_other=chances[1],
            noise=lambda bits: tuple(bits(chance) for chance in chances),
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
    bits = information(predictive([0.5, 0.5], above=0.9, below=0.1))
    assert bits == pytest.approx([1 - entropy(0.1), 0.0, 0.0])


def test_one_sided_noise_gives_the_information_of_a_z_channel():
    bits = information(predictive([0.5, 0.5], above=0.5, below=0.0))
    assert bits[0] == pytest.approx(entropy(0.25) - 0.5)


def test_whether_there_is_a_culprit_is_worth_a_run_at_an_end():
    bits = information(predictive([0.25, 0.25], flaky=0.5, p_fail_flaky=0.5))
    assert bits[2] == pytest.approx(entropy(0.25) - 0.5)
    assert bits[1] == pytest.approx(bits[2])
    assert information(predictive([0.25, 0.25], elsewhere=0.5))[2] == pytest.approx(bits[2])


@pytest.mark.parametrize("certain", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
def test_information_is_zero_if_the_culprit_is_certain(certain):
    assert information(predictive(certain)) == pytest.approx([0.0] * 4, abs=1e-9)
    assert information(predictive(certain, above=0.7, below=0.2)) == pytest.approx([0.0] * 4, abs=1e-9)


def test_a_run_in_progress_is_not_worth_repeating():
    assert information(predictive([0.25] * 4), [1]) == pytest.approx([0.5, 0.0, 0.5, 0.0, 0.0])
    assert information(predictive([0.25] * 4), [0, 1, 2]) == pytest.approx([0.0] * 5, abs=1e-9)


def slowly(look, running, place):
    """I(answer at `place`; hypothesis | answers of those running), by going through all of them."""
    size = len(look.only)

    def under(commit, asked):
        return (
            asked != OUTSIDE and np.arange(size)[look.ancestry.ancestors_of(asked)].tolist().count(commit) > 0
        )

    def fails(hypothesis, asked):
        if hypothesis == "flaky":
            return look.p_fail_flaky
        if hypothesis == "elsewhere":
            return look.p_fail_inconsistent[asked]
        if isinstance(hypothesis, str):
            return (look.p_fail_after_last if under(int(hypothesis), asked) else look.p_fail_inconsistent)[
                asked
            ]
        return (look.p_fail_descendant if under(hypothesis, asked) else look.p_fail_other)[hypothesis]

    chances = {commit: look.only[commit] for commit in range(size)}
    chances |= {"flaky": look.flaky, "elsewhere": look.elsewhere}
    chances |= {str(commit): look.last[commit] for commit in range(size)}
    bits = 0.0
    for answers in product([True, False], repeat=len(running)):
        weight = fail = 0.0
        for hypothesis, chance in chances.items():
            for asked, answer in zip(running, answers, strict=True):
                rate = fails(hypothesis, asked)
                chance *= rate if answer else 1 - rate  # noqa: PLW2901
            weight += chance
            fail += chance * fails(hypothesis, place)
        if weight > 0:
            bits += weight * entropy(min(1.0, fail / weight))
    return bits - sum(chance * entropy(fails(each, place)) for each, chance in chances.items())


@given(histories(10), st.data())
@settings(max_examples=60, deadline=None)
def test_the_bits_are_those_of_the_definition(parents, data):
    anyone = st.sampled_from([*sorted(parents), END])
    observed = data.draw(st.lists(st.tuples(anyone, st.sampled_from([GOOD, BAD])), max_size=8))
    search = Bisection(Inference(Dag(parents), list(parents)[-1], (END,), fix=data.draw(st.booleans())))
    look = Predictive.of(search.observe(*observed).known.posterior)
    running = data.draw(st.lists(st.integers(OUTSIDE, len(parents) - 1), max_size=3))
    bits = information(look, running)
    assert bits == pytest.approx([slowly(look, running, place) for place in [*range(len(parents)), OUTSIDE]])
    assert (bits <= information(look) + 1e-9).all()
    assert (bits >= -1e-9).all()


def searched(size):
    """A line of commits whose last one failed."""
    end = f"c{size - 1}"
    return Bisection(Inference(Dag(line(size)), end, (END,))).observe((end, BAD))


def test_dozens_of_slots_run_no_commit_again_and_again():
    """64 slots ran half of these commits once or twice, and the others seven or eight times."""
    runs = Counter(searched(16).plan(64))
    assert len(runs) >= 15
    assert max(runs.values()) <= 5
