"""Seeded searches with a known culprit and noise: how often they report the wrong commit."""

from __future__ import annotations

import random
from collections import Counter
from math import sqrt

import pytest
from graphs import GOOD as END
from graphs import line, started

from bisect_tool.search import Bisection, Culprit, Dag, Flaky, Inference
from bisect_tool.verdict import Verdict

GOOD, BAD = Verdict.GOOD, Verdict.BAD
RUNS = 120


def ending(dag, fix, seed, rates):
    """The conclusion of a search whose culprit and verdicts are drawn: 'right', 'wrong', or its type."""
    rng = random.Random(seed)  # noqa: S311
    culprit = rng.randrange(len(dag.candidates))
    bad = dag.candidates[-1]
    search = Bisection(Inference(dag, bad, (END,), fix=fix))

    def run(sha):
        red = (sha != END and culprit <= dag.index[sha]) is not fix
        return sha, BAD if rng.random() < rates[not red] else GOOD

    while not search.known.reproduced:
        search = search.observe(run(END if fix else bad))
    while plan := search.plan():
        assert len(search.known.observed) < 600, "the search has no end"
        search = search.observe(run(plan[0]))
    found = search.conclude()
    if isinstance(found, Culprit):
        return "right" if found.sha == dag.candidates[culprit] else "wrong"
    return type(found).__name__


@pytest.mark.parametrize("rates", [(0.9, 0), (0.3, 0), (0.95, 0.05)])
def test_no_more_wrong_culprits_than_the_confidence_allows(rates):
    """For a confidence of 95%, with three standard deviations of tolerance. Half of them search for a fix."""
    dag = Dag(line(16))
    ends = Counter(ending(dag, seed % 2 == 1, seed, rates) for seed in range(RUNS))
    assert ends["wrong"] / RUNS <= 0.05 + 3 * sqrt(0.05 * 0.95 / RUNS)
    assert ends["right"] >= 0.85 * RUNS
    assert ends["Undecided"] == 0


def test_most_cells_without_a_culprit_get_none():
    """Half of the runs fail at every commit; the prior of such a cell is 3%."""
    rng = random.Random(3)  # noqa: S311
    ends = Counter()
    for _ in range(40):
        search = started(line(16))
        while plan := search.plan():
            search = search.observe((plan[0], rng.choice([GOOD, BAD])))
        ends[type(search.conclude())] += 1
    assert ends[Flaky] >= 20
    assert ends[Culprit] <= 16
