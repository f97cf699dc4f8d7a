"""Hints on a page are guesses; rows, versions and lists are read as stated."""

import pytest

from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.read_page import read_page

A, B = "1a2" * 13 + "a", "2b3" * 13 + "b"
CI = "https://buildkite.com/o/ci/builds"


def read(text):
    return analyse(read_page(text))


def blamed(text):
    return [(each.pull or each.commit, each.certainty) for each in read(text).suspects]


def ends(text):
    found = read(text)
    return tuple(end.commit and (end.commit.value, end.commit.certainty) for end in (found.good, found.bad))


@pytest.mark.parametrize(
    ("text", "pulls"),
    [
        ("Possibly #35100 or #35127, both touch the kernels.", [35100, 35127]),
        ("My bet is on #41911 since it rewrites the cache.", [41911]),
        ("The window has #41900 and #41911. More likely #41911.", [41911]),
        ("o/p#9\n\nI think this is related to https://github.com/o/p/pull/15 as it fails since.", [15]),
        ("The load test [first failed in #18245]", [18245]),
        ("It started failing with #18245.", [18245]),
        ("These are possible candidates:\n- #31 (by a)\n- #33 (by b)\n\nOther work: #35", [31, 33]),
        ("o/p#9\n\nReverts o/p#23391\n\nLet us see what CI reports.", [23391]),
        ('# Revert "Reduce the overhead (#14384)"\n\nOn main it is slow.', [14384]),
    ],
)
def test_hint_is_a_guess(text, pulls):
    assert blamed(text) == [(pull, "guess") for pull in pulls]


@pytest.mark.parametrize(
    "text",
    [
        "Maybe #12 fixes this.",
        "Probably #12 is the same.",
        "PRs merged in the window: #12, #13",
        "Fix candidates:\n- #12\n- #13",
        "I think this is related to #12",
        "Possibly #12 is the culprit.\n\n#12 was ruled out.",
    ],
)
def test_sentence_without_blame_is_no_hint(text):
    assert blamed(text) == []


def test_first_bad_commit_with_a_last_good_one_is_no_certain_culprit():
    text = "Last good commit: 3333333ccc\nFirst bad commit: 4444444ddd\n"
    assert blamed(text) == [("4444444ddd", "guess")]


@pytest.mark.parametrize(
    "text",
    [
        f"```\n2026-04-09 16:42:56 [INFO] Culprit commit: {A}\n```",
        f"Known root cause commit: `{A}`",
    ],
)
def test_result_of_a_bisection_is_stated(text):
    assert blamed(text) == [(A, "stated")]


@pytest.mark.parametrize(
    "text",
    [
        "Edit: #41911 confirmed, reverting it on top of main helps.",
        "Reverting #41911 locally makes `python3 -m unittest test.a.TestB.test_c` pass.",
    ],
)
def test_confirmed_change_is_stated(text):
    assert blamed(text) == [(41911, "stated")]


@pytest.mark.parametrize("nothing", ["—", "-"])
def test_label_without_a_value_does_not_use_the_next_line(nothing):
    found = read(f"**Last successful nightly:** {nothing}\n**Latest nightly date:** 2026-04-18\n")
    assert (found.good.commit, found.good.build, found.good.date) == (None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        f"Start commit hash (2023-11-15): `{A}`\n\nEnd commit hash (2023-11-16): `{B}`",
        f"A new regression between\n- new revision: {B}  [results](https://x.org)\n- old revision: {A}",
    ],
)
def test_ends_known_only_by_their_order_are_guesses(text):
    assert ends(text) == ((A, "guess"), (B, "guess"))


def test_local_version_names_its_commit():
    text = (
        "On the 2026-07-16 nightly (v-0.19.0rc1.dev310+g5d6e7f8a9) everything is fine.\n"
        "2026-07-17 nightly (v-0.19.0rc1.dev335+g0f1e2d3c4) is broken.\n"
    )
    assert ends(text) == (("5d6e7f8a9", "stated"), ("0f1e2d3c4", "stated"))


@pytest.mark.parametrize(
    ("green", "red"), [("✅", "❌"), (":white_check_mark:", ":x:"), ("passed", "failed")]
)
def test_rows_of_a_table_have_the_results_of_builds(green, red):
    text = (
        "| Build | Commit | Result |\n|---|---|---|\n"
        f"| [#53209]({CI}/53209) | aaaa0000 | {green} |\n"
        f"| [#53210]({CI}/53210) | aaaa1111 | {green} |\n"
        f"| [#53244]({CI}/53244) | bbbb2222 | {red} |\n"
        f"| [#53301]({CI}/53301) | cccc3333 | {red} |\n"
    )
    assert [each.state for each in read(text).builds] == ["passed", "passed", "failed", "failed"]
    assert ends(text) == (("aaaa1111", "guess"), ("bbbb2222", "guess"))


@pytest.mark.parametrize(
    "text", ["Confirmed. Fix: #27702", "There is a forward fix PR: https://github.com/o/p/pull/27702"]
)
def test_fix_after_a_colon_is_a_candidate(text):
    assert [each.pull for each in read(f"o/p#9\n\n{text}").fix_candidates] == [27702]
