"""Which commits belong to a change that was reverted or landed again, and which of them a search runs."""

from __future__ import annotations

import random

import pytest
from graphs import finish, line
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Bisection, Culprit, Dag, Inference
from bisect_tool.search.relands import Landing, Message, in_doubt, landings
from bisect_tool.verdict import Verdict

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP
TITLE = "Cache the block table"
LONG = f"{TITLE} of all ranks that run beside one another"


def sha(place):
    return f"{place + 10:x}" * 40


def landing_flags(*subjects, bodies=()):
    """For each commit of a line, whether it lands the change or reverts it; None for unrelated commits."""
    messages = [Message(sha(place), subject) for place, subject in enumerate(subjects)]
    for place, body in dict(bodies).items():
        messages[place] = Message(sha(place), subjects[place], body)
    found = landings(messages)
    assert len({each.change for each in found.values()}) <= 1
    return [found[each.sha].lands if each.sha in found else None for each in messages]


@pytest.mark.parametrize(
    ("landed", "reverted", "landed_again"),
    [
        (f"{TITLE} (#10)", f'Revert "{TITLE} (#10)" (#11)', f'Reapply "{TITLE} (#10)" (#12)'),
        (f"{TITLE} (#10)", f'Revert "{TITLE}" (#11)', f"{TITLE} (#12)"),
        (f"{TITLE} (#10)", f'Revert "{TITLE}"', f'Revert "Revert "{TITLE}""'),
        (f"{TITLE} (#10)", "Revert #10 (#11)", "Re-land #10 (#12)"),
        (f"{TITLE} (#10)", "Revert #10 (#11)", "Revert #11 (#12)"),
        (f"{TITLE} (#10)", "Revert #10 (#11)", 'Revert "Revert "It (#10)""'),
        (f"{TITLE} (#1010)", "Revert PR #1010", "[Bugfix] Reapply 1010 (#1012)"),
        (f"[Core] {TITLE}", f'[Bugfix] Revert "[Core] {TITLE}"', f"[Core][Reland] {TITLE}"),
        (f"[Core] {TITLE}", f"[Revert] {TITLE}", f"[Core] Re-apply: {TITLE}"),
        (f"feat(core): {TITLE}", f"revert: feat(core): {TITLE}", f"feat(core)!: {TITLE} again"),
        (f"[Core] {LONG}", f'Revert "[Core] {LONG[:40]}… (#11)', f"{LONG} (#12)"),
        (TITLE, f"Reverted the change {TITLE!r}", f"{TITLE} (reland)"),
        (TITLE, f"Back out {TITLE}", f"{TITLE}, take 2"),
        (TITLE, f"Roll back of {TITLE}", f"{TITLE} (attempt #2)"),
        (TITLE, f"Backed out changeset {'b' * 12} for failures", f"{TITLE} v2"),
        ("Bug 123 - Cache it", "Bug 123: revert what hangs", "Bug 123 - Cache all of it"),
        ("Bug 123 - Cache it", "Backed out 2 changesets (bug 123)", "Bug 123 - Cache it, and test it. r=me"),
        ("Merge pull request #10 from a/b", "Revert #10", "Reland #10"),
    ],
)
def test_landing_revert_and_reland_are_one_change(landed, reverted, landed_again):
    assert landing_flags("Add a test", landed, "Fix a typo", reverted, landed_again, "Last") == [
        *(None, True, None, False, True, None)
    ]


@pytest.mark.parametrize(
    "body",
    [
        f"It hangs.\n\nThis reverts commit {sha(1)}.",
        f"Reverts {sha(1)[:7]}",
        "Reverts owner/project#10",
    ],
)
def test_reverted_commit_is_read_from_the_body(body):
    subjects = ("Add a test", f"{TITLE} (#10)", "Fix a typo", "Keep the block table where it was")
    assert landing_flags(*subjects, bodies={3: body}) == [None, True, None, False]
    assert landing_flags(*subjects) == [None] * 4


def test_the_revert_of_a_revert_lands_what_the_first_reverted():
    bodies = {1: f"This reverts commit {sha(0)}.", 2: f"This reverts commit {sha(1)}."}
    assert landing_flags(TITLE, "Not yet", "Now", bodies=bodies) == [True, False, True]


def test_revert_of_a_commit_before_the_range_is_recognised():
    assert landing_flags("Keep it as it was", "Last", bodies={0: f"This reverts commit {'9' * 40}."}) == [
        False,
        None,
    ]


def test_title_with_a_common_prefix_is_another_change():
    assert landing_flags(TITLE, "Cache the other table", 'Revert "Cache the other table"') == [
        None,
        True,
        False,
    ]


def test_explicit_reland_needs_no_revert():
    assert landing_flags(TITLE, "Fix a typo", f"{TITLE} (reland)") == [True, None, True]
    assert landing_flags(TITLE, "Fix a typo", f"{TITLE} again") == [None, None, None]


def test_change_landed_before_the_range_is_recognised_by_its_title():
    assert landing_flags(f'Revert "{TITLE}"', "Fix a typo", f'Reapply "{TITLE}"') == [False, None, True]


@pytest.mark.parametrize(
    "subject", ["Fix pre-commit", "[CI] Fix pre-commit issue", "Track reverts: they are rare", "Add undo_log"]
)
def test_ordinary_subjects_belong_to_no_change(subject):
    assert landing_flags("Add a test", subject, "Last", TITLE, TITLE) == [None] * 5


def test_restored_files_identify_a_revert_without_message():
    restores = {3: 1, 4: 3}
    messages = [
        Message(sha(place), f"commit {place}", restores=sha(restores[place]) if place in restores else "")
        for place in range(6)
    ]
    found = landings(messages)
    assert [found[each.sha].lands if each.sha in found else None for each in messages] == [
        *(None, True, None, False, True, None)
    ]
    assert landings([Message("a", "one"), Message("b", "two", restores="unknown")]) == {}


def test_restored_files_complete_a_message():
    """The first landing and the reland have different titles."""
    messages = [
        Message(sha(0), "commit 1"),
        Message(sha(1), "commit 2", restores=sha(0)),
        Message(sha(2), f'Reapply "{TITLE}"', restores=sha(1)),
    ]
    found = landings(messages)
    assert [found[each.sha].lands for each in messages] == [True, False, True]
    assert len({each.change for each in found.values()}) == 1


def family(*lands):
    """Commits of a line of 20, by their places: whether each lands the change or reverts it."""
    return {f"c{place}": Landing(0, lands=each) for place, each in dict(lands).items()}


def test_in_doubt_are_the_commits_that_would_show_a_second_breakage():
    """After the culprit its reverts, latest first; before it the previous landing."""
    dag = Dag(line(20))
    toggles = family((2, True), (5, False), (8, True), (11, False), (14, True))
    assert in_doubt(dag, toggles, "c2", broke_before=False) == ("c11", "c5")
    assert in_doubt(dag, toggles, "c8", broke_before=False) == ("c11", "c2")
    assert in_doubt(dag, toggles, "c8", broke_before=True) == ("c11",)
    assert in_doubt(dag, toggles, "c14", broke_before=False) == ("c8",)
    assert in_doubt(dag, toggles, "c5", broke_before=False) == ("c14", "c8")
    assert in_doubt(dag, toggles, "c3", broke_before=False) == ()
    many = family(*((place, place % 2 == 0) for place in range(20)))
    assert in_doubt(dag, many, "c2", broke_before=False) == ("c19", "c17", "c15", "c13", "c0")
    assert in_doubt(dag, {**toggles, "c3": Landing(1, lands=True)}, "c3", broke_before=False) == ()


def test_parent_of_a_second_landing_is_in_doubt_without_a_revert():
    toggles = family((2, True), (8, True))
    assert in_doubt(Dag(line(20)), toggles, "c2", broke_before=False) == ("c7",)
    assert in_doubt(Dag(line(20)), family((2, True), (3, True)), "c2", broke_before=False) == ()


def test_a_branch_without_the_culprit_is_not_in_doubt():
    parents = {"land": ("good",), "side": ("good",), "merge": ("land", "side")}
    toggles = {"land": Landing(0, lands=True), "side": Landing(0, lands=False)}
    assert in_doubt(Dag(parents), toggles, "land", broke_before=False) == ()


# --- the search with reverts and relands --------------------------------------------------------------------


def broken_twice(n, places):
    """Subjects and failing commits of a line in which a change lands, is reverted and so on at `places`."""
    subjects = [f"Work on part {place}" for place in range(n)]
    titles = [TITLE, f'Revert "{TITLE}"', f'Reapply "{TITLE}"']
    for number, place in enumerate(places):
        subjects[place] = titles[number % 2 or 2 * bool(number)]
    fails = [sum(at <= place for at in places) % 2 == 1 for place in range(n)]
    return subjects, fails


def search_of(subjects, fails, slots, *, fix=False):
    n = len(subjects)
    found = landings([Message(f"c{place}", subject) for place, subject in enumerate(subjects)])
    search = Bisection(Inference(Dag(line(n)), f"c{n - 1}", ("good",), fix=fix, landings=found))
    failing = {"good": fix} | {f"c{place}": each is not fix for place, each in enumerate(fails)}
    started = search.observe(("good" if fix else f"c{n - 1}", BAD))
    return finish(started, lambda sha: BAD if failing[sha] else GOOD, slots=slots)


@given(st.integers(3, 60), st.sampled_from([1, 2, 3, 8]), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_land_revert_and_reland_report_the_last_landing_and_an_earlier_breakage(n, slots, fix, data):
    """With any number of slots, and in a search for a fix, too."""
    count = data.draw(st.sampled_from([3, 5] if n >= 5 else [3]))
    places = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=count, max_size=count)))
    found = search_of(*broken_twice(n, places), slots, fix=fix).conclude()
    assert isinstance(found, Culprit)
    assert found.sha == f"c{places[-1]}"
    assert found.earlier is not None


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_revert_just_before_the_end_counts_in_a_non_monotonic_history(slots):
    """An earlier breakage does not turn the verdict on the revert into noise."""
    found = search_of(*broken_twice(28, [0, 1, 2, 26, 27]), slots, fix=True).conclude()
    assert isinstance(found, Culprit)
    assert found.sha == "c27"


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_last_of_three_landings_in_a_row_is_the_culprit(slots):
    subjects, fails = broken_twice(8, [0, 1, 3, 5, 6])
    found = search_of(subjects, fails, slots).conclude()
    assert isinstance(found, Culprit)
    assert (found.sha, found.parents) == ("c6", ("c5",))
    assert found.earlier is not None


def test_reverts_cost_no_extra_run_if_the_history_breaks_once():
    """One extra run at most, if the culprit's own change was reverted."""
    rng = random.Random(1)  # noqa: S311
    for _ in range(8):
        culprit, reverted = sorted(rng.sample(range(32), 2))
        fails = [place >= culprit for place in range(32)]
        plain = [f"Work on part {place}" for place in range(32)]
        elsewhere = [*plain]
        elsewhere[reverted], elsewhere[reverted - 1] = f'Revert "{TITLE}"', TITLE
        runs = len(search_of(plain, fails, 1).known.observed)
        if culprit not in (reverted, reverted - 1):
            assert len(search_of(elsewhere, fails, 1).known.observed) == runs
        own = [*plain]
        own[culprit], own[reverted] = TITLE, f'Revert "{TITLE}"'
        search = search_of(own, fails, 1)
        assert search.known.observed.count((f"c{reverted}", BAD)) >= 1
        assert len(search.known.observed) <= runs + 1
        assert search.conclude().earlier is None


def landed_at(*places):
    """Landing, revert, landing and so on of one change at these places."""
    return family(*((place, number % 2 == 0) for number, place in enumerate(places)))


def runs(counts):
    """The given number of failures (positive) or passes (negative) of each commit."""
    return [(sha, BAD if times > 0 else GOOD) for sha, times in counts.items() for _ in range(abs(times))]


def test_untestable_revert_is_tried_once():
    search = Bisection(Inference(Dag(line(16)), "c15", ("good",), landings=landed_at(3, 7))).observe(
        ("c15", BAD)
    )
    found = finish(search, lambda sha: SKIP if sha == "c7" else BAD if sha in has_it else GOOD)
    assert found.known.observed.count(("c7", SKIP)) == 1
    assert found.conclude().sha == "c3"


has_it = {f"c{place}" for place in range(3, 16)}


def test_revert_is_not_run_once_noise_was_seen():
    """With noise, one run of it proves little."""
    calm = [*runs({"c15": 6, "c9": 6, "c4": 12, "c3": -12, "c2": -4, "c1": -3}), ("c5", BAD)]
    noisy = [*calm, ("c5", GOOD), *[("c5", BAD)] * 8]
    search = Bisection(Inference(Dag(line(16)), "c15", ("good",), landings=landed_at(4, 7))).observe(*noisy)
    assert isinstance(search.conclude(), Culprit)
    before = Bisection(Inference(search.known.dag, "c15", ("good",), landings=search.known.landings)).observe(
        *calm
    )
    assert before.stopping.confirmation == ("c7",)


def test_observed_earlier_breakage_needs_no_run_of_its_landing():
    seen = runs({"c3": 8, "c6": -8, "c11": -8, "c12": 8, "c13": 6, "c14": 6, "c15": 6})
    search = Bisection(Inference(Dag(line(16)), "c15", ("good",), landings=landed_at(2, 5, 12))).observe(
        *seen
    )
    assert search.known.posterior.commits[12] > 0.98
    assert isinstance(found := search.conclude(), Culprit)
    assert found.earlier == ("c3", "c6")
