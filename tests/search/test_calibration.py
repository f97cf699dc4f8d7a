"""Stated probabilities match frequencies if culprits and failure rates are drawn from the prior."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import sqrt

import numpy as np
from graphs import GOOD as END
from graphs import line

from bisect_tool.search import Dag, Inference
from bisect_tool.search.rates import regression
from bisect_tool.verdict import Verdict

COMMITS, RUNS, SEARCHES = 12, 25, 2000


@cache
def posteriors():
    """The probability of each commit after runs at random commits, and the culprit, for many histories."""
    rng = np.random.default_rng(21)
    prior = regression()
    weight = np.exp(prior.log_weight)
    names = (*line(COMMITS), END)
    dag = Dag(line(COMMITS))
    found = []
    for pair in rng.choice(len(weight), size=SEARCHES, p=weight / weight.sum()):
        culprit = rng.integers(COMMITS)
        places = rng.integers(COMMITS + 1, size=RUNS)
        is_bad = (culprit <= places) & (places < COMMITS)
        failed = rng.random(RUNS) < np.where(is_bad, prior.bad[pair], prior.good[pair])
        runs = [
            (names[place], Verdict.BAD if red else Verdict.GOOD)
            for place, red in zip(places, failed, strict=True)
        ]
        only = Inference(dag, dag.candidates[-1], (END,)).observe(*runs).posterior.only
        found.append((only / only.sum(), culprit))
    return found


def excess(stated, right):
    """The excess of correct results over the stated probability, in standard errors."""
    stated, right = np.array(stated), np.array(right)
    return (right - stated).sum() / sqrt((stated * (1 - stated)).sum())


def test_likeliest_commit_is_as_often_right_as_stated():
    """Separately for low, medium and high probabilities."""
    top = [(share.max(), share.argmax() == culprit) for share, culprit in posteriors()]
    for low, high in ((0.0, 0.5), (0.5, 0.9), (0.9, 1.0)):
        chosen = [each for each in top if low <= each[0] < high]
        assert len(chosen) >= 40
        assert abs(excess(*zip(*chosen, strict=True))) <= 3


def test_every_probability_is_as_often_right_as_stated():
    """A probability of a tenth is right in a tenth of the cases, and so on."""
    shares = np.array([share for share, _ in posteriors()])
    truth = np.arange(COMMITS) == np.array([[culprit] for _, culprit in posteriors()])
    edges = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)
    for low, high in pairwise(edges):
        chosen = (low <= shares) & (shares < high)
        assert abs(excess(shares[chosen], truth[chosen])) <= 3
