"""The chance of every hypothesis, against Bayes' rule written out."""

from __future__ import annotations

from math import exp, prod

import numpy as np
import pytest
from graphs import GOOD as END
from graphs import histories, is_bad, line, lineage, started
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Dag, Inference, multiple_breakages, posterior, rates
from bisect_tool.verdict import Verdict

GOOD, BAD = Verdict.GOOD, Verdict.BAD


@pytest.mark.parametrize("fix", [False, True])
def test_contradictions_are_passes_of_descendants_and_other_failures(fix):
    above, below = (BAD, GOOD) if fix else (GOOD, BAD)
    runs = [("c5", above), ("c6", above), ("c6", above), ("c2", below), (END, below), ("c2", above)]
    known = Bisection(Inference(Dag(line(8)), "c7", (END,), fix=fix)).observe(*runs).known.posterior
    assert [known.contradictions(place) for place in (0, 3, 6, 7)] == [5, 5, 4, 2]


def slowly(search, parents):
    """The posterior of every hypothesis, computed for one hypothesis and one pair of rates at a time."""

    def rate_of(fail, verdict):
        return fail if verdict is BAD else 1 - fail

    def culprit(sha):
        bad = [is_bad(parents, sha, asked, search.known.fix) for asked, _ in search.known.observed]
        return sum(
            exp(weight)
            * prod(
                rate_of(above if red else below, said)
                for red, (_, said) in zip(bad, search.known.observed, strict=True)
            )
            for above, below, weight in zip(*grid, strict=True)
        )

    known = rates.regression()
    grid = (known.bad, known.good, known.log_weight)
    given = search.known.weights or dict.fromkeys(parents, 1.0)
    share = 1 - posterior._FLAKY - posterior._NON_MONOTONIC - posterior._ELSEWHERE
    chances = [share * given[sha] / sum(given.values()) * culprit(sha) for sha in search.known.dag.candidates]
    none = rates.no_culprit()
    flaky = posterior._FLAKY * sum(
        exp(weight) * prod(rate_of(rate, said) for _, said in search.known.observed)
        for rate, weight in zip(none.bad, none.log_weight, strict=True)
    )
    others = several(search, parents, given)
    every = np.array([*chances, flaky, *others])
    return every / every.sum()


def several(search, parents, given):
    """The chances of each commit to be the last of several breakages, and of a breakage outside."""
    tried = {asked for asked, _ in search.known.observed}
    fixed = 0.0 if search.known.dag.ancestry.linear else multiple_breakages._FIXED

    def runs(sha, broken):
        red, green = (search.known.observed.count((sha, said)) for said in (BAD, GOOD))
        strays = green if broken is not search.known.fix else red
        a, b = multiple_breakages._DEVIATING, multiple_breakages._AGREEING
        rising = prod((a + each) for each in range(strays)) * prod(
            b + each for each in range(red + green - strays)
        )
        return rising / prod(a + b + each for each in range(red + green))

    def free(sha):
        return (runs(sha, broken=True) + runs(sha, broken=False)) / 2

    def under(sha):
        return (1 - fixed) * runs(sha, broken=True) + fixed * runs(sha, broken=False)

    def chance(breakage, has_it, sound):
        return prod(
            (runs(sha, broken=True) if sha == breakage else under(sha) if sha in has_it else free(sha))
            * (runs(sha, broken=False) / free(sha) if sha in sound else 1)
            for sha in tried
        )

    last = [
        chance(
            culprit, {sha for sha in parents if culprit in lineage(parents, sha)}, {END, *parents[culprit]}
        )
        for culprit in search.known.dag.candidates
    ]
    whole = sum(given.values())
    weight = [posterior._NON_MONOTONIC * given[sha] / whole for sha in search.known.dag.candidates]
    return [
        *(a * b for a, b in zip(last, weight, strict=True)),
        posterior._ELSEWHERE * chance(END, above_end(parents), ()),
    ]


def above_end(parents):
    """The commits that have the good end under them."""
    children = [sha for sha, above in parents.items() if END in above]
    return {sha for sha in parents if lineage(parents, sha) & set(children)}


@given(histories(8), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_the_chances_are_those_of_bayes_rule(parents, fix, data):
    anyone = st.sampled_from([*sorted(parents), END])
    observed = data.draw(st.lists(st.tuples(anyone, st.sampled_from([GOOD, BAD])), max_size=10))
    weights = data.draw(st.none() | st.fixed_dictionaries(dict.fromkeys(parents, st.floats(0.02, 20))))
    search = Bisection(Inference(Dag(parents), list(parents)[-1], (END,), weights, fix=fix)).observe(
        *observed
    )
    known = search.known.posterior
    chances = [*known.only, known.flaky, *known.last, known.elsewhere]
    assert chances == pytest.approx(slowly(search, parents), abs=1e-9)


def test_the_order_of_the_runs_does_not_matter():
    runs = [("c3", BAD), ("c1", GOOD), ("c7", BAD), ("c3", GOOD), (END, GOOD)]
    search = started(line(8))
    there, back = search.observe(*runs).known.posterior, search.observe(*reversed(runs)).known.posterior
    assert there.commits == pytest.approx(back.commits)


def test_failure_counts_against_descendants_and_pass_against_ancestors():
    search = started(line(8))
    before, red = search.known.posterior.commits, search.observe(("c3", BAD)).known.posterior.commits
    assert (red[:4] > before[:4]).all()
    assert (red[4:] < before[4:]).all()
    green = search.observe(("c3", GOOD)).known.posterior.commits
    assert (green[:4] < before[:4]).all()
    assert (green[4:] > before[4:]).all()


def test_no_commit_is_ever_ruled_out():
    search = started(line(8)).observe(*[("c3", BAD), ("c2", GOOD)] * 10)
    assert (search.known.posterior.commits > 0).all()


def test_a_cell_as_red_at_good_commits_as_at_bad_ones_is_flaky():
    runs = [(sha, said) for sha in (*line(8), END) for said in (BAD, GOOD) * 8]
    assert started(line(8)).observe(*runs).known.posterior.flaky > 0.95


def test_consistent_commits_support_the_last_of_several_breakages():
    runs = [("c1", BAD), ("c4", GOOD), ("c6", BAD), ("c7", BAD)] * 6
    known = started(line(8)).observe(*runs).known.posterior
    assert known.last[5:7].sum() > 0.95
    assert known.last[5:7].sum() > 100 * known.only.sum()


def test_rates_are_learnt_from_the_runs():
    flaky = (
        started(line(2)).observe(*[("c1", BAD), ("c1", GOOD), ("c1", GOOD), (END, GOOD)] * 12).known.posterior
    )
    assert 0.25 < flaky.p_fail_descendant[1] < 0.45
    assert flaky.p_fail_other[1] < 0.05
