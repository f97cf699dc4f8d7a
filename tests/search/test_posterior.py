"""The probability of every hypothesis, compared with a direct implementation of Bayes' rule."""

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
    after, before = (BAD, GOOD) if fix else (GOOD, BAD)
    runs = [("c5", after), ("c6", after), ("c6", after), ("c2", before), (END, before), ("c2", after)]
    known = Bisection(Inference(Dag(line(8)), "c7", (END,), fix=fix)).observe(*runs).known.posterior
    assert [known.contradictions(place) for place in (0, 3, 6, 7)] == [5, 5, 4, 2]


def posterior_by_definition(search, parents):
    """The posterior of every hypothesis, computed for one hypothesis and one pair of rates at a time."""

    def rate_of(fail, verdict):
        return fail if verdict is BAD else 1 - fail

    def culprit(sha):
        bad = [is_bad(parents, sha, tried, search.known.fix) for tried, _ in search.known.observed]
        return sum(
            exp(weight)
            * prod(
                rate_of(p_fail_bad if red else p_fail_good, verdict)
                for red, (_, verdict) in zip(bad, search.known.observed, strict=True)
            )
            for p_fail_bad, p_fail_good, weight in zip(*grid, strict=True)
        )

    known = rates.regression()
    grid = (known.bad, known.good, known.log_weight)
    given = search.known.weights or dict.fromkeys(parents, 1.0)
    share = 1 - posterior._FLAKY - posterior._NON_MONOTONIC - posterior._ELSEWHERE
    single = [share * given[sha] / sum(given.values()) * culprit(sha) for sha in search.known.dag.candidates]
    none = rates.no_culprit()
    flaky = posterior._FLAKY * sum(
        exp(weight) * prod(rate_of(rate, verdict) for _, verdict in search.known.observed)
        for rate, weight in zip(none.bad, none.log_weight, strict=True)
    )
    multiple = multiple_breakage_weights(search, parents, given)
    every = np.array([*single, flaky, *multiple])
    return every / every.sum()


def multiple_breakage_weights(search, parents, given):
    """Unnormalised probabilities of each commit to be the last of several breakages, and of one outside."""
    tried = {tried for tried, _ in search.known.observed}
    fixed = 0.0 if search.known.dag.ancestry.linear else multiple_breakages._FIXED

    def runs(sha, broken):
        red, green = (search.known.observed.count((sha, verdict)) for verdict in (BAD, GOOD))
        deviating = green if broken is not search.known.fix else red
        a, b = multiple_breakages._DEVIATING, multiple_breakages._AGREEING
        rising = prod((a + each) for each in range(deviating)) * prod(
            b + each for each in range(red + green - deviating)
        )
        return rising / prod(a + b + each for each in range(red + green))

    def free(sha):
        return (runs(sha, broken=True) + runs(sha, broken=False)) / 2

    def descendant(sha):
        return (1 - fixed) * runs(sha, broken=True) + fixed * runs(sha, broken=False)

    def likelihood(breakage, has_it, good):
        return prod(
            (runs(sha, broken=True) if sha == breakage else descendant(sha) if sha in has_it else free(sha))
            * (runs(sha, broken=False) / free(sha) if sha in good else 1)
            for sha in tried
        )

    last = [
        likelihood(
            culprit, {sha for sha in parents if culprit in lineage(parents, sha)}, {END, *parents[culprit]}
        )
        for culprit in search.known.dag.candidates
    ]
    whole = sum(given.values())
    weight = [posterior._NON_MONOTONIC * given[sha] / whole for sha in search.known.dag.candidates]
    return [
        *(a * b for a, b in zip(last, weight, strict=True)),
        posterior._ELSEWHERE * likelihood(END, descendants_of_end(parents), ()),
    ]


def descendants_of_end(parents):
    """The descendants of the good end."""
    children = [sha for sha, direct in parents.items() if END in direct]
    return {sha for sha in parents if lineage(parents, sha) & set(children)}


@given(histories(8), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_probabilities_match_bayes_rule(parents, fix, data):
    any_commit = st.sampled_from([*sorted(parents), END])
    observed = data.draw(st.lists(st.tuples(any_commit, st.sampled_from([GOOD, BAD])), max_size=10))
    weights = data.draw(st.none() | st.fixed_dictionaries(dict.fromkeys(parents, st.floats(0.02, 20))))
    search = Bisection(Inference(Dag(parents), list(parents)[-1], (END,), weights, fix=fix)).observe(
        *observed
    )
    known = search.known.posterior
    probabilities = [*known.only, known.flaky, *known.last, known.elsewhere]
    assert probabilities == pytest.approx(posterior_by_definition(search, parents), abs=1e-9)


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


def test_cell_with_equal_failure_rates_at_good_and_bad_commits_is_flaky():
    runs = [(sha, verdict) for sha in (*line(8), END) for verdict in (BAD, GOOD) * 8]
    assert started(line(8)).observe(*runs).known.posterior.flaky > 0.95


def test_consistent_commits_support_the_last_of_several_breakages():
    runs = [("c1", BAD), ("c4", GOOD), ("c6", BAD), ("c7", BAD)] * 6
    known = started(line(8)).observe(*runs).known.posterior
    assert known.last[5:7].sum() > 0.95
    assert known.last[5:7].sum() > 100 * known.only.sum()


def test_rates_are_estimated_from_the_runs():
    flaky = (
        started(line(2)).observe(*[("c1", BAD), ("c1", GOOD), ("c1", GOOD), (END, GOOD)] * 12).known.posterior
    )
    assert 0.25 < flaky.p_fail_descendant[1] < 0.45
    assert flaky.p_fail_other[1] < 0.05
