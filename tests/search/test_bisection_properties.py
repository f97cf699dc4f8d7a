"""The search against brute force, on random histories with merges and skips."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Candidates, Contradiction, Culprit, Dag
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP


@st.composite
def histories(draw, largest=14):
    """Parents of the ancestors of one bad commit; `outside` stands for everything under the good end."""
    size = draw(st.integers(1, largest))
    parents = {}
    for number in range(size):
        earlier = [f"c{each}" for each in range(number)]
        count = draw(st.integers(1, min(3, number + 1)))
        chosen = draw(st.permutations([*earlier[-5:], "outside"]))[:count]
        parents[f"c{number}"] = tuple(chosen)
    return _under(parents, f"c{size - 1}")


def _under(parents, top):
    kept, stack = {}, [top]
    while stack:
        sha = stack.pop()
        if sha in parents and sha not in kept:
            kept[sha] = parents[sha]
            stack.extend(parents[sha])
    return kept


def lineage(parents, sha):
    """A commit and its ancestors, written for the test alone."""
    return {sha}.union(*(lineage(parents, parent) for parent in parents[sha] if parent in parents))


def run(parents, bad, culprit, skipped):
    """The search to its end; each step checks what was planned."""
    state, trials = Bisection.start(Dag(parents), bad, ["outside"]), 0
    while plan := state.plan():
        (sha,) = plan
        assert sha != bad
        assert all(sha != tried for tried, _ in state.observed)
        before = len(state.remaining)
        says = SKIP if sha in skipped else BAD if culprit in lineage(parents, sha) else GOOD
        state = state.observe(sha, says)
        if says is not SKIP and before > 1:
            assert len(state.remaining) < before
        trials += 1
    return state, trials


@given(histories(), st.data())
@settings(max_examples=400, deadline=None)
def test_never_a_wrong_answer(parents, data):
    """What is left is what nothing speaks against, and nothing that can be tried tells it apart."""
    bad = next(iter(parents))
    culprit = data.draw(st.sampled_from(sorted(parents)))
    skipped = data.draw(st.sets(st.sampled_from(sorted(parents)))) - {bad}
    state, trials = run(parents, bad, culprit, skipped)
    told = [(sha, said is BAD) for sha, said in (*state.observed, (bad, BAD)) if said is not SKIP]
    possible = {
        guess for guess in parents if all((guess in lineage(parents, sha)) == red for sha, red in told)
    }
    match state.conclude():
        case Culprit(sha, above):
            assert sha == culprit
            assert (sha, True) in told
            assert possible == {sha}
            assert above == parents[sha]
        case Candidates(shas, hidden):
            assert set(shas) == possible
            assert set(hidden) == possible & skipped
            assert len(shas) - len(hidden) <= 1
            assert culprit in possible
            for sha in parents.keys() - skipped:
                assert len(possible & lineage(parents, sha)) in (0, len(possible))
        case other:
            pytest.fail(f"no answer: {other}")
    assert trials < len(parents) or len(parents) == 1


@given(histories(40), st.data())
@settings(max_examples=200, deadline=None)
def test_without_skips_each_trial_cuts_as_well_as_the_best_commit_can(parents, data):
    """Git's bound: no commit that could have been tried would have left fewer suspects at worst."""
    bad = next(iter(parents))
    culprit = data.draw(st.sampled_from(sorted(parents)))
    state = Bisection.start(Dag(parents), bad)
    while plan := state.plan():
        suspects = set(state.remaining)
        worst = {
            sha: max(len(lineage(parents, sha) & suspects), len(suspects - lineage(parents, sha)))
            for sha in suspects
        }
        assert worst[plan[0]] == min(worst.values())
        state = state.observe(plan[0], BAD if culprit in lineage(parents, plan[0]) else GOOD)
    assert state.conclude() == Culprit(culprit, parents[culprit])


@given(st.integers(1, 3000), st.data())
@settings(max_examples=60, deadline=None)
def test_a_line_takes_at_most_log2_trials(n, data):
    parents = {f"{i}": (f"{i - 1}" if i else "outside",) for i in range(n)}
    culprit = data.draw(st.integers(0, n - 1))
    state, trials = Bisection.start(Dag(parents), f"{n - 1}"), 0
    while plan := state.plan():
        state = state.observe(plan[0], BAD if int(plan[0]) >= culprit else GOOD)
        trials += 1
    assert state.conclude() == Culprit(f"{culprit}", parents[f"{culprit}"])
    assert trials <= ceil(log2(n))


@given(st.integers(4, 400), st.data())
@settings(max_examples=60, deadline=None)
def test_a_stretch_that_cannot_be_tried_is_left_in_a_few_steps(n, data):
    """The culprit is outside: a few skips when it is far away, under half of them when it is beside."""
    length = data.draw(st.integers(1, n // 2))
    start = data.draw(st.integers(0, n - 1 - length))
    stretch = range(start, start + length)
    culprit = data.draw(
        st.integers(0, n - 1).filter(lambda place: place not in range(start, stretch.stop + 1))
    )
    parents = {f"{i}": (f"{i - 1}" if i else "outside",) for i in range(n)}
    state, skips = Bisection.start(Dag(parents), f"{n - 1}"), 0
    while plan := state.plan():
        place = int(plan[0])
        says = SKIP if place in stretch else BAD if place >= culprit else GOOD
        skips += says is SKIP
        state = state.observe(plan[0], says)
    assert state.conclude() == Culprit(f"{culprit}", parents[f"{culprit}"])
    assert skips <= max(4 + 2 * log2(n), length / 2)


@given(histories(), st.data())
@settings(max_examples=300, deadline=None)
def test_any_observations_end_in_what_they_imply(parents, data):
    """Repeats, contradictions, trials outside the suspects, in any order: judged by pairs, nothing else."""
    bad = next(iter(parents))
    said = st.tuples(st.sampled_from(sorted(parents)), st.sampled_from([GOOD, BAD, SKIP]))
    observed = data.draw(st.lists(said, max_size=12))
    state = Bisection.start(Dag(parents), bad)
    for sha, verdict in observed:
        state = state.observe(sha, verdict)
    goods = {sha for sha, verdict in observed if verdict is GOOD}
    bads = {sha for sha, verdict in observed if verdict is BAD} | {bad}
    pairs = {(good, each) for good in goods for each in bads if each in lineage(parents, good)}
    found = state.conclude()
    if pairs:
        assert isinstance(found, Contradiction)
        assert (found.good, found.bad) in pairs
        assert state.plan() == ()
    else:
        assert not isinstance(found, Contradiction)
        assert state.remaining
        assert not set(state.remaining) & set().union(*(lineage(parents, good) for good in goods))
    assert (state.plan() == ()) == (found is not None)


@given(histories(30), st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_a_plan_of_k_is_of_distinct_suspects(parents, k):
    state = Bisection.start(Dag(parents), next(iter(parents)))
    plan = state.plan(k)
    assert len(set(plan)) == len(plan) == min(k, len(parents) - 1)
    assert set(plan) <= set(state.remaining) - {state.bad}
