"""The search on random histories with a known culprit, merges and skips, without noise."""

from __future__ import annotations

from math import log2

import pytest
from graphs import GOOD as END
from graphs import finish, histories, is_bad, line, lineage, started
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Candidates, Culprit, Dag, Flaky, Inference
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP


def verdicts_for(parents, culprit, skipped=frozenset(), fix=False):
    def verdict_of(sha):
        return SKIP if sha in skipped else BAD if is_bad(parents, culprit, sha, fix) else GOOD

    return verdict_of


@given(histories(), st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_culprit_is_found_and_confirmed_with_its_parents(parents, fix, data):
    culprit = data.draw(st.sampled_from(sorted(parents)))
    search = finish(started(parents, fix), verdicts_for(parents, culprit, fix=fix))
    found = search.conclude()
    assert isinstance(found, Culprit)
    assert (found.sha, found.parents) == (culprit, parents[culprit])
    assert found.confidence >= search.known.confidence
    seen = search.known.observed.count
    for parent in found.parents:
        assert seen((parent, BAD if fix else GOOD)) >= 2
    assert seen((culprit, GOOD if fix else BAD)) >= 2


@given(histories(), st.booleans(), st.data())
@settings(max_examples=200, deadline=None)
def test_culprit_among_skipped_commits_stays_a_candidate(parents, fix, data):
    """Candidates are commits that no testable one distinguishes, and include the culprit."""
    bad = list(parents)[-1]
    culprit = data.draw(st.sampled_from(sorted(parents)))
    skipped = data.draw(st.sets(st.sampled_from(sorted(parents)))) - {bad}
    search = finish(started(parents, fix), verdicts_for(parents, culprit, skipped, fix))
    match search.conclude():
        case Culprit(sha, found_parents):
            assert sha == culprit
            assert sha not in skipped
            assert found_parents == parents[sha]
        case Candidates(shas, hidden, confidence):
            assert culprit in shas
            assert set(hidden) == set(shas) & skipped
            assert len(shas) - len(hidden) <= 1
            assert confidence >= search.known.confidence
            for sha in parents.keys() - skipped:
                assert len(set(shas) & lineage(parents, sha)) in (0, len(shas))
        case other:
            pytest.fail(f"no conclusion: {other}")


@given(histories(), st.booleans(), st.data())
@settings(max_examples=200, deadline=None)
def test_any_observations_give_a_plan_or_a_conclusion(parents, fix, data):
    """Repeats, contradictions and skipped ends, in any order."""
    any_commit = st.sampled_from([*sorted(parents), END])
    observed = data.draw(st.lists(st.tuples(any_commit, st.sampled_from([GOOD, BAD, SKIP])), max_size=12))
    search = Bisection(Inference(Dag(parents), list(parents)[-1], (END,), fix=fix)).observe(*observed)
    found = search.conclude()
    assert (search.plan() == ()) == (found is not None)
    assert (search.steps_left() == 0) == (found is not None)
    known = search.known.posterior
    assert known.commits.sum() + known.flaky + known.elsewhere == pytest.approx(1)
    assert sum(search.known.probabilities.values()) <= 1 + 1e-9
    assert list(search.known.probabilities.values()) == sorted(
        search.known.probabilities.values(), reverse=True
    )


@given(histories(), st.data())
@settings(max_examples=60, deadline=None)
def test_search_ends_for_random_verdicts(parents, data):
    """Verdicts are drawn at random, with skips: the search ends even if it finds nothing."""
    source = data.draw(st.randoms(use_true_random=False))
    search = finish(started(parents), lambda _: source.choice([GOOD, BAD, BAD, SKIP]))
    assert search.conclude() is not None


@given(st.integers(2, 2000), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_line_takes_little_more_than_its_logarithm(n, fix, data):
    parents = line(n)
    culprit = data.draw(st.integers(0, n - 1))
    end = END if fix else f"c{n - 1}"
    # The ends take two runs; the limit counts those of narrowing and of the pair.
    start = started(parents, fix).observe((end, BAD))
    place = {sha: number for number, sha in enumerate(parents)}

    def verdict_of(sha):
        return BAD if (place.get(sha, -1) >= culprit) is not fix else GOOD

    search = finish(start, verdict_of)
    assert isinstance(found := search.conclude(), Culprit)
    assert found.sha == f"c{culprit}"
    assert len(search.known.observed) - 2 <= log2(n) + 8


@given(st.integers(4, 400), st.data())
@settings(max_examples=40, deadline=None)
def test_untestable_stretch_is_left_in_a_few_steps(n, data):
    """The culprit is outside: a few skips if it is far away, about half of the stretch if it is adjacent."""
    length = data.draw(st.integers(1, n // 2))
    start = data.draw(st.integers(0, n - 1 - length))
    stretch = range(start, start + length)
    culprit = data.draw(
        st.integers(0, n - 1).filter(lambda place: place not in range(start, stretch.stop + 1))
    )

    def verdict_of(sha):
        place = int(sha[1:]) if sha != END else -1
        return SKIP if place in stretch else BAD if place >= culprit else GOOD

    search = finish(started(line(n)), verdict_of)
    assert isinstance(found := search.conclude(), Culprit)
    assert found.sha == f"c{culprit}"
    skips = sum(verdict is SKIP for _, verdict in search.known.observed)
    assert skips <= max(6 + 2 * log2(n), length / 2 + 2)


@given(histories(), st.integers(1, 3), st.sampled_from([1, 2, 3, 8]), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_non_monotonic_history_gives_a_real_breakage_never_flaky(parents, breaks, k, fix, data):
    """The culprit fails, and its parents pass."""
    *others, bad = parents
    changes = data.draw(st.sets(st.sampled_from(others), max_size=2 * breaks - 2)) if others else set()
    fails = {END: fix, bad: not fix}
    for sha, direct in parents.items():
        inherited = fails[data.draw(st.sampled_from(direct))]
        fails.setdefault(sha, inherited is not (sha in changes))
    search = finish(started(parents, fix), lambda sha: BAD if fails[sha] else GOOD, slots=k)
    found = search.conclude()
    assert not isinstance(found, Flaky)
    if isinstance(found, Culprit):
        assert fails[found.sha] is not fix
        assert all(fails[parent] is fix for parent in found.parents)


@given(st.integers(2, 60), st.integers(1, 3), st.sampled_from([1, 2, 3, 8]), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_culprit_of_a_line_that_breaks_again_is_a_real_breakage(n, breaks, k, fix, data):
    """Contradicting observations are reported: the history breaks more than once."""
    turns = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=2 * breaks - 1)))
    turns = turns[len(turns) % 2 == 0 :]
    states = [(sum(turn <= place for turn in turns) % 2 == 1) is not fix for place in range(n)]
    fails = {END: fix} | {f"c{place}": each for place, each in enumerate(states)}
    search = finish(started(line(n), fix), lambda sha: BAD if fails[sha] else GOOD, slots=k)
    found = search.conclude()
    assert isinstance(found, Culprit)
    place = int(found.sha[1:])
    assert place in turns[::2]
    tried = {sha: int(sha[1:]) >= place for sha, _ in search.known.observed if sha != END}
    against = [sha for sha, has_it in tried.items() if fails[sha] is not (has_it is not fix)]
    assert (found.earlier is None) is (not against)
    if found.earlier:
        earlier, good_again = found.earlier
        assert fails[earlier] is not fix
        assert fails[good_again] is fix
        assert int(earlier[1:]) < int(good_again[1:]) < place


@given(histories(30), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_plan_has_at_most_k_commits_of_the_range(parents, k):
    search = started(parents)
    plan = search.plan(k)
    assert len(plan) <= k
    assert set(plan) <= {*parents, END}
    assert plan[:1]
