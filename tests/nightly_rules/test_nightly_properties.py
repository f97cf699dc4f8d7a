"""Properties of every decision, for any observations."""

import random
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from nights import COMMITS, HOSTS, START, cell, nights, trial

from bisect_tool.ci_results.observation import State
from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Rerun
from bisect_tool.nightly_rules.earlier_bisections import KnownBisection
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_rules.timeline import time_of

CELLS = [cell(f"test_{name}", job) for name in "ab" for job in ("gpu", "cpu")]


def observe(seed):
    """Trials of a few cells at a few commits: mostly passes first, and failures then."""
    rng = random.Random(seed)  # noqa: S311
    found = []
    for key in CELLS:
        turn = rng.randrange(9)
        for number in range(8):
            usual = "PPPPI" if number < turn else "FFFFP"
            found += [
                trial(
                    COMMITS[number],
                    rng.choice(usual + "RM"),
                    key,
                    hour=rng.randrange(24 * 12),
                    attempt=str(attempt),
                    host=rng.choice(HOSTS[:3]),
                    exception=rng.choice(("ValueError", "ValueError", "OSError")),
                )
                for attempt in range(rng.randrange(5))
            ]
    return found


def observed():
    return st.integers(0, 1 << 32).map(observe)


@st.composite
def bisections(draw):
    good = draw(st.integers(0, 6))
    bad = draw(st.integers(good + 1, 8))
    cells = frozenset(draw(st.sets(st.sampled_from(CELLS), min_size=1)))
    culprits = dict.fromkeys(cells, COMMITS[bad]) if draw(st.booleans()) else {}
    exception = draw(st.sampled_from(("ValueError", "OSError", "")))
    ended = draw(st.none() | st.integers(0, 12).map(lambda day: START + timedelta(days=day)))
    return KnownBisection(
        COMMITS[good],
        COMMITS[bad],
        cells,
        exception,
        culprits,
        running=draw(st.booleans()),
        unfinished=draw(st.booleans()),
        ended=ended,
    )


def failures(observations, key, commit):
    return {one.exception for one in observations if one.key == key and one.commit == commit}


def at(observations, key, commit):
    return {one.state for one in observations if one.key == key and one.commit == commit}


@given(observed(), st.lists(bisections(), max_size=2), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_do_not_matter(observations, known, rng):
    shuffled = [*observations, *observations[: len(observations) // 2]]
    rng.shuffle(shuffled)
    assert decide(shuffled, COMMITS, known[::-1]) == decide(observations, COMMITS, known)


@given(observed(), st.lists(bisections(), max_size=2))
@settings(max_examples=50, deadline=None)
def test_each_cell_that_was_observed_gets_a_decision(observations, known):
    assert set(decide(observations, COMMITS, known)) == {one.key for one in observations}


@given(observed(), st.lists(bisections(), max_size=2))
@settings(max_examples=50, deadline=None)
def test_range_starts_with_a_pass_and_ends_with_failures(observations, known):
    for key, decision in decide(observations, COMMITS, known).items():
        if isinstance(decision, Bisect):
            assert key in decision.cells
            assert COMMITS.index(decision.good) < COMMITS.index(decision.bad)
            if decision.reason is Reason.OTHER_REGRESSION:
                assert failures(observations, key, decision.good) - {decision.exception}
                assert decision.exception in failures(observations, key, decision.bad)
                continue
            assert State.PASSED in at(observations, key, decision.good)
            assert State.FAILED in at(observations, key, decision.bad)
            assert State.PASSED not in at(observations, key, decision.bad)


@given(observed(), bisections())
@settings(max_examples=50, deadline=None)
def test_cell_is_not_bisected_in_the_same_range_again(observations, known):
    for key, decision in decide(observations, COMMITS, [known]).items():
        if isinstance(decision, Bisect) and key in known.cells and decision.reason is not Reason.REPEATED:
            starts, ends = COMMITS.index(decision.good), COMMITS.index(decision.bad)
            assert COMMITS.index(known.bad) <= starts or ends <= COMMITS.index(known.good)


@given(observed())
@settings(max_examples=50, deadline=None)
def test_bisections_of_one_failure_do_not_overlap(observations):
    found = {one for one in decide(observations, COMMITS).values() if isinstance(one, Bisect)}
    commits = [
        (one.exception, COMMITS[number])
        for one in found
        for number in range(COMMITS.index(one.good) + 1, COMMITS.index(one.bad) + 1)
    ]
    assert len(commits) == len(set(commits))


@given(observed())
@settings(max_examples=50, deadline=None)
def test_pass_at_the_newest_commit_needs_no_action(observations):
    newest = [trial(COMMITS[9], "P", key, hour=999) for key in CELLS]
    found = decide([*observations, *newest], COMMITS)
    assert not [one for one in found.values() if isinstance(one, Bisect | Rerun)]


@given(observed())
@settings(max_examples=50, deadline=None)
def test_reruns_are_limited(observations):
    for key, decision in decide(observations, COMMITS).items():
        for runs in decision.runs if isinstance(decision, Rerun) else ():
            own = [one for one in observations if one.key == key and one.state is not State.MISSING]
            last = max(time_of(one) for one in own if one.state is State.FAILED)
            later = [one for one in own if one.commit == runs.commit and time_of(one) >= last]
            assert 0 < runs.number <= 5 - len(later)


@given(st.integers(1, 5))
def test_infrastructure_failures_change_nothing_for_a_red_cell(number):
    red = nights("P P P P P FFF F")
    killed = [replace(red[0], state=State.INFRASTRUCTURE, attempt=f"killed {one}") for one in range(number)]
    assert decide([*red, *killed], COMMITS) == decide(red, COMMITS)
