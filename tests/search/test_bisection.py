"""The search by tables: what it tries, how it narrows, what it ends with."""

from __future__ import annotations

from math import ceil, log2

import pytest

from bisect_tool.search.bisection import Bisection
from bisect_tool.search.conclusion import Candidates, Contradiction, Culprit
from bisect_tool.search.dag import Dag
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP


def linear(n):
    return Dag({f"c{i}": (f"c{i - 1}" if i else "good",) for i in range(n)})


def search(n):
    return Bisection.start(linear(n), f"c{n - 1}", ["good"])


def drive(state, is_bad, skipped=frozenset()):
    """Run a search to its end; returns the final state and how many commits it tried."""
    trials = 0
    while plan := state.plan():
        (sha,) = plan
        state = state.observe(sha, SKIP if sha in skipped else BAD if is_bad(sha) else GOOD)
        trials += 1
    return state, trials


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 20, 33])
def test_every_culprit_of_a_line_is_found_within_the_bound(n):
    for culprit in range(n):
        state, trials = drive(search(n), lambda sha, c=culprit: int(sha[1:]) >= c)
        parent = f"c{culprit - 1}" if culprit else "good"
        assert state.conclude() == Culprit(f"c{culprit}", (parent,))
        assert state.confirmation() == (f"c{culprit}", parent)
        assert trials <= ceil(log2(n))
        assert state.steps_left() == 0


def test_a_single_candidate_needs_no_trial():
    assert search(1).plan() == ()
    assert search(1).conclude() == Culprit("c0", ("good",))


def test_what_hides_behind_skips_is_a_list():
    state, _ = drive(search(8), lambda sha: int(sha[1:]) >= 4, skipped={"c3", "c4"})
    assert state.conclude() == Candidates(("c3", "c4", "c5"), ("c3", "c4"))
    assert state.confirmation() == ()


def test_skips_outside_the_answer_do_not_matter():
    state, _ = drive(search(16), lambda sha: int(sha[1:]) >= 12, skipped={"c7", "c8", "c9"})
    assert state.conclude() == Culprit("c12", ("c11",))


def test_a_skipped_commit_can_be_decided_later():
    state = search(4).observe("c1", SKIP).observe("c1", GOOD).observe("c2", BAD)
    assert state.conclude() == Culprit("c2", ("c1",))


def test_good_bad_end_is_a_contradiction():
    state = search(4).observe("c3", GOOD)
    assert state.conclude() == Contradiction(good="c3", bad="c3")
    assert state.plan() == ()


def test_good_after_bad_is_a_contradiction():
    state = search(8).observe("c3", BAD).observe("c5", GOOD)
    assert state.conclude() == Contradiction(good="c5", bad="c3")


def test_bad_good_end_is_a_contradiction():
    assert search(4).observe("good", BAD).conclude() == Contradiction(good="good", bad="good")


def test_a_trial_elsewhere_is_refused():
    with pytest.raises(ValueError, match="not in the range"):
        search(4).observe("elsewhere", GOOD)


def test_k_commits_cut_the_range_into_equal_parts():
    assert search(100).plan(3) == ("c24", "c49", "c74")
    assert search(3).plan(8) == ("c0", "c1")


def test_steps_left_counts_down_to_nothing():
    state, left = search(20), []
    while plan := state.plan():
        left.append(state.steps_left())
        state = state.observe(plan[0], BAD)
    assert left[0] == 5
    assert left == sorted(left, reverse=True)


def test_a_commit_beside_the_suspects_can_tell_skipped_ones_apart():
    """`under` was skipped; `side` has it, too, but not the top: if that is good, the top did it."""
    parents = {"under": ("good",), "top": ("under",), "side": ("under",), "last": ("top", "side")}
    state = Bisection.start(Dag(parents), "last").observe("top", BAD).observe("under", SKIP)
    assert state.plan() == ("side",)
    assert state.observe("side", GOOD).conclude() == Culprit("top", ("under",))
    assert state.observe("side", BAD).conclude() == Candidates(("under",), ("under",))
    assert state.observe("side", SKIP).conclude() == Candidates(("under", "top"), ("under",))


def test_two_first_bad_commits_the_one_under_the_bad_end_is_searched_for():
    parents = {"left": ("good",), "right": ("good",), "merge": ("left", "right"), "last": ("merge",)}
    state = Bisection.start(Dag(parents), "last").observe("left", BAD).observe("right", BAD)
    assert state.conclude() == Culprit("left", ("good",))


def test_what_is_implied_is_tried_before_it_is_named():
    parents = {"base": ("good",), "left": ("base",), "right": ("base",), "last": ("left", "right")}
    state = Bisection.start(Dag(parents), "last", ["good"]).observe("left", BAD).observe("right", BAD)
    assert state.plan() == ("base",)
    assert state.observe("base", BAD).conclude() == Culprit("base", ("good",))
    assert state.observe("base", GOOD).conclude() == Culprit("left", ("base",))
