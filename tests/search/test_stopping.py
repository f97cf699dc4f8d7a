"""When a search stops, and which of its runs decide that."""

from __future__ import annotations

import random

import numpy as np
import pytest
from graphs import line, started

from bisect_tool.search import Bisection, Culprit, Dag, Inference
from bisect_tool.search.information import OUTSIDE, Predictive, information
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP


def red(*shas):
    return [(sha, BAD) for sha in shas]


def green(*shas):
    return [(sha, GOOD) for sha in shas]


def doubt(search):
    return 1 - float(search.known.posterior.commits.max())


# --- required confidence ------------------------------------------------------------------------------------


def test_stop_margin_without_contradictions_is_two_and_a_half():
    """Both commits of the pair ran twice; only the remaining doubt continues the search."""
    narrowed = started(line(32)).observe(*red("c23", "c19", "c17", "c16"), *green("c15"))
    paired = narrowed.observe(*red("c16"), *green("c15", "c14"))
    assert 0.05 / 2.5 < doubt(paired) < 0.05 / 1.5
    assert paired.stopping.confirmation == ()
    assert paired.conclude() is None
    surer = paired.observe(*red("c17"))
    assert doubt(surer) < 0.05 / 2.5
    assert isinstance(found := surer.conclude(), Culprit)
    assert found.confidence == pytest.approx(1 - doubt(surer))


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("rates", [(0.6, 0.1), (0.3, 0.0), (0.95, 0.05), (0.6, 0.02)])
def test_stop_margin_falls_with_contradicting_runs(rates, fix):
    rng = random.Random(1)  # noqa: S311
    search, place = started(line(16), fix=fix), {f"c{number}": number for number in range(16)}
    while search.conclude() is None:
        (sha,) = search.plan()
        has_it = place.get(sha, -1) >= 9
        fails = rng.random() < rates[has_it is fix]
        search = search.observe((sha, BAD if fails else GOOD))
        name = int(search.known.posterior.commits.argmax())
        against = sum(
            (verdict is BAD) is not ((place.get(sha, -1) >= name) is not fix)
            for sha, verdict in search.known.observed
        )
        allowed = 0.05 / (1 + 1.5 / (1 + against / 3))
        if isinstance(search.conclude(), Culprit):
            assert doubt(search) <= allowed
        elif not search.stopping.confirmation:
            assert doubt(search) > allowed
    assert search.conclude().sha == "c9"


# --- remaining candidates -----------------------------------------------------------------------------------


def test_the_credible_set_is_the_smallest_that_reaches_the_confidence():
    search = started(line(16)).observe(*red("c11", "c9"), *green("c9", "c3", "c3"))
    probability = dict(zip(search.known.dag.candidates, search.known.posterior.commits, strict=True))
    kept = [probability[sha] for sha in search.known.credible_set]
    whole = sum(probability.values())
    assert sum(kept) >= 0.95 * whole > sum(kept) - min(kept)


def test_commit_with_equal_passes_and_failures_is_neither_good_nor_bad():
    """c2 has both verdicts: the earlier breakage is c1, and c4 is good again."""
    runs = [
        *red(*["c1"] * 12, "c8", "c8", "c2"),
        *green("c2", *["c4"] * 12),
        *red(*["c7"] * 12),
        *green(*["c6"] * 12),
    ]
    search = started(line(10)).observe(*runs)
    assert isinstance(found := search.conclude(), Culprit)
    assert (found.sha, found.earlier) == ("c7", ("c1", "c4"))


def test_earlier_breakage_in_a_search_for_a_fix():
    runs = [
        *green(*["c1"] * 12, "c8", "c8", "c2"),
        *red("c2", *["c4"] * 12),
        *green(*["c7"] * 12),
        *red(*["c6"] * 12),
    ]
    search = started(line(10), fix=True).observe(*runs)
    assert isinstance(found := search.conclude(), Culprit)
    assert (found.sha, found.earlier) == ("c7", ("c1", "c4"))


@pytest.mark.parametrize(("fix", "against", "expected"), [(False, BAD, GOOD), (True, GOOD, BAD)])
def test_the_end_that_contradicts_its_label_is_run_next(fix, against, expected):
    """Of several ends, the one whose verdict contradicts its label."""
    dag = Dag(line(8))
    search = Bisection(Inference(dag, "c7", ("good", "other", "third"), fix=fix))
    assert search.known.good_end == "good"
    assert (
        search.observe(("good", expected), ("other", against), ("third", expected)).known.good_end == "other"
    )
    assert search.observe(("other", SKIP), ("good", SKIP), ("third", expected)).known.good_end == "third"


# --- information of the next run while others run ---------------------------------------------------------


def prediction(shares, last):
    """The prediction for a line; `last`: P(a commit is the last of several breakages)."""
    size = len(shares)
    flat = {
        name: np.full(size, value)
        for name, value in (("p_fail_descendant", 0.8), ("p_fail_other", 0.1), ("p_fail_after_last", 0.95))
    }
    return Predictive(
        ancestry=Dag(line(size)).ancestry,
        only=np.array(shares),
        noise=None,
        flaky=0.0,
        p_fail_flaky=0.5,
        last=np.array(last),
        elsewhere=0.1,
        p_fail_inconsistent=np.linspace(0.2, 0.7, size + 1),
        **flat,
    )


def test_only_the_latest_six_running_trials_count():
    predicted = prediction([0.05] * 8, [0.05] * 8)
    latest, shares = [1, 6, 2, 5, 3, 7], np.ones(9)
    shares[[4, OUTSIDE]] = 3, 2
    assert information(predicted, [4, OUTSIDE, 4, *latest]) == pytest.approx(
        information(predicted, latest) / shares
    )
    assert information(predicted, [0, *latest[1:]]) != pytest.approx(information(predicted, latest[1:]))


def test_running_trial_moves_the_last_of_several_breakages():
    """If c1 fails, the last breakage is c1 or an ancestor, or c1 is inconsistent."""
    predicted = prediction([0.0] * 3, [0.3, 0.3, 0.3])
    failed = [
        0.3 * 0.95,
        0.3 * 0.95,
        0.3 * predicted.p_fail_inconsistent[1],
        0.1 * predicted.p_fail_inconsistent[1],
    ]
    passed = [share - fails for share, fails in zip([0.3, 0.3, 0.3, 0.1], failed, strict=True)]

    def fails_next(weights):
        """The probability of a failure at c0, which is 0.95 if c0 is the last breakage."""
        first, *others = weights
        return (first * 0.95 + sum(others) * predicted.p_fail_inconsistent[0]) / sum(weights)

    def entropy(p):
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))

    expected = sum(sum(weights) * entropy(fails_next(weights)) for weights in (failed, passed))
    assert information(predicted, [1])[0] == pytest.approx(expected)
