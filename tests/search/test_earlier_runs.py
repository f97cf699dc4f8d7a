"""Earlier runs count in the posterior like own runs, but reproduce and confirm nothing."""

import random
from dataclasses import replace

import pytest
from graphs import GOOD as END
from graphs import finish, histories, is_bad, line, started
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Culprit, Dag, Inference
from bisect_tool.search.counted_runs import Count
from bisect_tool.search.earlier_runs import EarlierRuns
from bisect_tool.verdict import Verdict

GOOD, BAD = Verdict.GOOD, Verdict.BAD


def inference(earlier, commits=16, fix=False, observed=()):
    return Inference(
        Dag(line(commits)), f"c{commits - 1}", (END,), fix=fix, earlier=earlier, observed=observed
    )


@pytest.mark.parametrize("fix", [False, True])
@given(parents=histories(), data=st.data())
def test_earlier_runs_in_the_range_have_the_weight_of_own_runs(parents, fix, data):
    shas = st.sampled_from([*parents, END])
    runs = data.draw(st.lists(st.tuples(shas, st.sampled_from([GOOD, BAD])), max_size=6))
    own = Inference(Dag(parents), list(parents)[-1], (END,), fix=fix).observe(*runs)
    others = replace(own, observed=(), earlier=EarlierRuns(tuple(own.counts.items())))
    for name in ("only", "last", "p_fail_descendant", "p_fail_other"):
        assert getattr(others.posterior, name) == pytest.approx(getattr(own.posterior, name))
    assert others.posterior.elsewhere == pytest.approx(own.posterior.elsewhere)


def test_runs_after_the_bad_end_have_the_weight_of_runs_at_it():
    after = inference(EarlierRuns(after=Count(failed=3, passed=2))).posterior
    at = inference(EarlierRuns((("c15", Count(failed=3, passed=2)),))).posterior
    assert after.only == pytest.approx(at.only)
    assert after.flaky == pytest.approx(at.flaky)


def test_passing_nights_before_the_range_lower_the_false_alarm_rate():
    red = (("c15", BAD),)
    unknown, known = (
        inference(EarlierRuns(), observed=red),
        inference(EarlierRuns(before=Count(0, 20)), observed=red),
    )
    assert known.posterior.p_fail_other.max() < unknown.posterior.p_fail_other.min()
    assert known.posterior.flaky < unknown.posterior.flaky
    assert known.posterior.commits / known.posterior.commits.sum() == pytest.approx(
        unknown.posterior.commits / unknown.posterior.commits.sum()
    )


def test_passing_nights_before_the_range_do_not_clear_its_good_end():
    """They ran older commits, so the good end may still fail."""
    broken = ((END, BAD), (END, BAD), ("c15", BAD), ("c7", BAD))
    known = inference(EarlierRuns(before=Count(0, 20)), observed=broken).posterior
    cleared = inference(EarlierRuns(((END, Count(0, 20)),)), observed=broken).posterior
    assert known.elsewhere > 0.5 > cleared.elsewhere


def test_failing_nights_before_a_fix_raise_the_failure_rate():
    few = inference(EarlierRuns(before=Count(failed=3, passed=7)), fix=True).posterior
    assert few.p_fail_other.max() < inference(EarlierRuns(), fix=True).posterior.p_fail_other.min()


def test_earlier_failures_alone_do_not_reproduce_a_cell():
    known = inference(EarlierRuns((("c15", Count(failed=5)),)))
    assert not known.reproduced
    assert not known.counts
    assert not known.inconsistent


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("culprit", range(16))
def test_culprit_is_confirmed_only_by_own_runs(culprit, fix):
    """However many earlier runs the pair has, it needs two own failures and two own passes."""
    parents = line(16)
    red, green = Count(failed=9), Count(passed=9)
    everywhere = tuple(
        (sha, red if is_bad(parents, f"c{culprit}", sha, fix) else green) for sha in (END, *parents)
    )
    first = ((END if fix else "c15", BAD),)
    search = Bisection(inference(EarlierRuns(everywhere), fix=fix, observed=first))
    search = finish(search, lambda sha: BAD if is_bad(parents, f"c{culprit}", sha, fix) else GOOD)
    found = search.conclude()
    assert isinstance(found, Culprit)
    assert found.sha == f"c{culprit}"
    failing, passing = (found.parents[0], found.sha) if fix else (found.sha, found.parents[0])
    assert search.known.count(failing).failed >= 2
    assert search.known.count(passing).passed >= 2
    assert len(search.known.observed) <= 5


def test_nights_without_noise_cost_no_extra_run():
    for culprit in range(16):
        verdict_of = lambda sha, culprit=culprit: BAD if is_bad(line(16), f"c{culprit}", sha) else GOOD  # noqa: E731
        plain = finish(started(line(16)), verdict_of)
        nights = EarlierRuns(((END, Count(passed=1)), ("c15", Count(failed=1))), Count(passed=19), Count(4))
        informed = finish(Bisection(inference(nights, observed=(("c15", BAD),))), verdict_of)
        assert informed.conclude().sha == plain.conclude().sha == f"c{culprit}"
        assert len(informed.known.observed) <= len(plain.known.observed)


def test_nights_save_runs_of_a_flaky_cell():
    """One failure in two: the search need not find out that the failure is flaky."""

    def runs(earlier):
        total = 0
        for seed in range(30):
            rng = random.Random(seed)  # noqa: S311
            culprit = f"c{rng.randrange(16)}"
            fails = lambda sha: is_bad(line(16), culprit, sha) and rng.random() < 0.5  # noqa: B023, E731
            search = Bisection(inference(earlier, observed=(("c15", BAD),)))
            total += len(finish(search, lambda sha: BAD if fails(sha) else GOOD).known.observed)  # noqa: B023
        return total

    assert runs(EarlierRuns(before=Count(0, 20), after=Count(5, 5))) < 0.9 * runs(EarlierRuns())
