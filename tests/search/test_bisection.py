"""The search on small examples: which commits it tries, how it narrows, and its conclusion."""

from __future__ import annotations

import random
from math import log2
from statistics import fmean

import pytest
from graphs import finish, is_bad, line, started

from bisect_tool.search import Bisection, Candidates, Contradiction, Culprit, Dag, Flaky, Inference, Undecided
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP


def search_for(parents, culprit, skipped=(), fix=False):
    return finish(
        started(parents, fix),
        lambda sha: SKIP if sha in skipped else BAD if is_bad(parents, culprit, sha, fix) else GOOD,
    )


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 20, 33])
def test_culprit_of_a_line_is_found_with_its_parent(n, fix):
    """Runs of the ends and of the pair included, their mean is little more than the logarithm."""
    runs = []
    for culprit in range(n):
        search = search_for(line(n), f"c{culprit}", fix=fix)
        found = search.conclude()
        assert isinstance(found, Culprit)
        assert (found.sha, found.parents) == (f"c{culprit}", (f"c{culprit - 1}" if culprit else "good",))
        assert search.stopping.confirmation == ()
        assert search.steps_left() == 0
        runs.append(len(search.known.observed))
    assert fmean(runs) <= log2(n) + 5.4
    assert max(runs) <= log2(n) + 8


def test_skipped_culprit_gives_a_candidate_list():
    found = search_for(line(8), "c4", skipped={"c3", "c4"}).conclude()
    assert isinstance(found, Candidates)
    assert (found.shas, found.skipped) == (("c3", "c4", "c5"), ("c3", "c4"))


def test_skips_outside_the_answer_do_not_matter():
    found = search_for(line(16), "c12", skipped={"c7", "c8", "c9"}).conclude()
    assert isinstance(found, Culprit)
    assert found.sha == "c12"


def test_a_skipped_commit_can_be_decided_later():
    search = started(line(4)).observe(("c1", SKIP), ("c1", GOOD))
    found = finish(search, lambda sha: BAD if is_bad(line(4), "c2", sha) else GOOD).conclude()
    assert isinstance(found, Culprit)
    assert (found.sha, found.parents) == ("c2", ("c1",))


def test_a_culprit_has_failed_twice_and_its_parent_has_passed_twice():
    sure = started(line(4)).observe(*[("c3", BAD)] * 6, *[("c0", GOOD)] * 4, ("c2", BAD), ("c1", GOOD))
    assert sure.stopping.confirmation == ("c2", "c1")
    assert sure.plan() == ("c2",)
    assert sure.plan(running=["c2"]) == ("c1",)
    assert "c1" not in sure.plan(running=["c2", "c1"])
    assert sure.observe(("c1", GOOD)).conclude() is None
    assert isinstance(sure.observe(("c2", BAD), ("c1", GOOD)).conclude(), Culprit)


def test_search_for_a_fix_confirms_a_pass_after_a_failing_parent():
    runs = [*[("c3", GOOD)] * 5, *[("good", BAD)] * 4, ("c0", BAD), ("c2", GOOD), ("c1", BAD)]
    search = started(line(4), fix=True).observe(*runs)
    assert search.stopping.confirmation == ("c1", "c2")
    found = search.observe(("c1", BAD), ("c2", GOOD)).conclude()
    assert isinstance(found, Culprit)
    assert found.sha == "c2"


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_landed_reverted_and_landed_again_names_the_last_landing(slots):
    """The last breakage is the culprit, and the first is reported with it."""
    bad = {"c1", "c2", "c7", "c8", "c9"}
    search = started(line(10)).observe(("c1", BAD), ("c4", GOOD))
    found = finish(search, lambda sha: BAD if sha in bad else GOOD, slots=slots).conclude()
    assert isinstance(found, Culprit)
    assert (found.sha, found.parents) == ("c7", ("c6",))
    assert found.earlier is not None
    earlier, good_again = found.earlier
    assert earlier in {"c1", "c2"}
    assert good_again in {"c3", "c4", "c5", "c6"}


def test_conclusion_does_not_depend_on_the_order_of_the_runs():
    bad = {"c1", "c2", "c7", "c8", "c9"}
    search = finish(started(line(10)), lambda sha: BAD if sha in bad else GOOD, slots=8)
    runs = random.Random(1).sample(search.known.observed, len(search.known.observed))  # noqa: S311
    assert started(line(10)).observe(*runs[1:]).observe(runs[0]).conclude() is not None
    assert Bisection(Inference(Dag(line(10)), "c9", ("good",))).observe(*runs).conclude() == search.conclude()


def test_cell_that_fails_at_bad_commits_only_is_not_flaky():
    """One failure in ten runs, and none at the good end: the plan is another run of that end."""
    seldom = [(f"c{place}", GOOD) for place in range(16)] * 6 + [("c12", BAD), ("c15", BAD)]
    search = started(line(16)).observe(*seldom, *[("good", GOOD)] * 2)
    assert not isinstance(search.conclude(), Flaky)
    even = [(f"c{place}", verdict) for place in (0, 3, 6, 9, 1000, 1999) for verdict in (GOOD, BAD)] * 8
    sure = started(line(2000)).observe(*even)
    assert sure.known.posterior.flaky > 0.98
    assert sure.conclude() is None
    assert sure.plan(2) == ("good",)
    assert sure.observe(("good", GOOD)).conclude() is None
    assert isinstance(sure.observe(("good", BAD)).conclude(), Flaky)
    assert isinstance(sure.observe(("good", SKIP)).conclude(), Undecided)


def test_search_for_a_fix_is_flaky_only_if_the_fixed_end_fails():
    even = [(sha, verdict) for sha in ("c0", "c1000", "c1998", "good") for verdict in (GOOD, BAD)] * 20
    sure = started(line(2000), fix=True).observe(*even)
    assert sure.known.posterior.flaky > 0.98
    assert sure.conclude() is None
    assert sure.plan() == ("c1999",)
    assert isinstance(sure.observe(("c1999", BAD)).conclude(), Flaky)


def test_contradicting_commit_is_rerun_before_noise_was_seen():
    """A failure without the culprit is noise only if that commit passes, too; otherwise it is a breakage."""
    red = [(f"c{place}", BAD) for place in (20, 20, *range(20, 32))]
    green = [(f"c{place}", GOOD) for place in (*range(16, 20), 19, 19)]
    search = started(line(32)).observe(*red, *green, ("c9", BAD))
    assert search.known.posterior.commits[20] > 0.97
    assert search.stopping.confirmation == ("c9",)
    assert search.plan(3)[0] == "c9"
    assert search.observe(("c9", GOOD)).stopping.confirmation == ()
    found = finish(search, lambda sha: BAD if sha == "c9" or int(sha[1:]) > 19 else GOOD).conclude()
    assert isinstance(found, Culprit)
    assert (found.sha, found.earlier) == ("c20", ("c9", "c16"))


def test_a_parent_outside_the_range_that_fails_is_a_contradiction():
    parents = {"side": ("elder",), "merge": ("good", "side")}
    runs = [("side", BAD), ("merge", BAD), ("elder", BAD), ("good", GOOD)] * 6
    found = started(parents).observe(*runs).conclude()
    assert isinstance(found, Contradiction)
    assert (found.good, found.bad) == ("elder", "elder")


def test_equal_failure_rates_at_both_ends_are_flaky():
    ends = [("c7", BAD), ("c7", GOOD), ("good", BAD), ("good", GOOD)] * 12
    assert isinstance(started(line(8)).observe(*ends).conclude(), Flaky)


def test_run_outside_the_range_is_rejected():
    with pytest.raises(ValueError, match="not in the range"):
        started(line(4)).observe(("elsewhere", GOOD))
    with pytest.raises(ValueError, match="not in the range"):
        Bisection(Inference(Dag(line(4)), "elsewhere"))


def test_estimate_of_steps_left_is_close():
    search = started(line(32)).observe(("c31", BAD))
    estimates = []
    while plan := search.plan():
        estimates.append(search.steps_left())
        search = search.observe((plan[0], GOOD if plan[0] == "good" or int(plan[0][1:]) < 20 else BAD))
    assert all(estimates)
    assert abs(estimates[0] - len(estimates)) <= 4


def test_a_commit_beside_the_suspects_can_distinguish_skipped_ones():
    """`under` was skipped; `side` contains it, but not `top`: if `side` is good, `top` is the culprit."""
    parents = {"under": ("good",), "top": ("under",), "side": ("under",), "last": ("top", "side")}

    def end(red):
        search = search_for(parents, "under" if red else "top", skipped={"under"})
        assert "side" in [sha for sha, _ in search.known.observed]
        return search.conclude()

    found = end(red=False)
    assert isinstance(found, Culprit)
    assert (found.sha, found.parents) == ("top", ("under",))
    found = end(red=True)
    assert isinstance(found, Candidates), "`under` was never seen to fail"
    assert (found.shas, found.skipped) == (("under",), ("under",))
    found = search_for(parents, "top", skipped={"under", "side"}).conclude()
    assert isinstance(found, Candidates)
    assert (set(found.shas), found.skipped) == (
        {"under", "top", "last", "side"} & set(found.shas),
        ("under",),
    )
    assert {"under", "top"} <= set(found.shas)


def test_inferred_culprit_is_tested_before_it_is_reported():
    """Both sides fail, so the base is the culprit."""
    parents = {"base": ("good",), "left": ("base",), "right": ("base",), "last": ("left", "right")}
    search = started(parents).observe(("last", BAD), ("left", BAD), ("right", BAD), ("good", GOOD))
    tried = finish(search, lambda sha: GOOD if sha == "good" else BAD)
    assert ("base", BAD) in tried.known.observed
    found = tried.conclude()
    assert isinstance(found, Culprit)
    assert found.sha == "base"


def test_two_breakages_are_not_attributed_to_a_third_commit():
    parents = {"base": ("good",), "left": ("base",), "right": ("base",), "last": ("left", "right")}
    found = finish(started(parents), lambda sha: GOOD if sha in ("good", "base") else BAD).conclude()
    assert not isinstance(found, Culprit) or found.sha in ("left", "right")


@pytest.mark.parametrize("skipped", ["good", "range"])
def test_search_ends_if_nothing_is_testable(skipped):
    """Every commit but the bad end is untestable, or the good end is."""
    hidden = {"good"} if skipped == "good" else {f"c{place}" for place in range(7)}
    found = search_for(line(8), "c4", skipped=hidden).conclude()
    if skipped == "range":
        assert isinstance(found, Candidates)
        assert found.shas == tuple(line(8))
    else:
        assert isinstance(found, Culprit)
        assert found.sha == "c4"


def test_prior_moves_the_first_split():
    heavy = {f"c{place}": 20.0 if place >= 28 else 0.1 for place in range(32)}
    first = Bisection(Inference(Dag(line(32)), "c31", ("good",), heavy)).observe(("c31", BAD)).plan()[0]
    assert int(first[1:]) >= 28
