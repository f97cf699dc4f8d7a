"""Changes and ends that a sentence names; what it clears, leaves open or corrects is no fact."""

import pytest

from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.read_page import read_page

ONE, TWO = "1" * 39 + "a", "2" * 39 + "b"


def read(text):
    return analyse(read_page(text))


def blamed(text):
    return [(each.pull or each.commit, each.certainty) for each in read(text).suspects]


def ends(text):
    found = read(text)
    return tuple(end.commit and end.commit.value for end in (found.good, found.bad))


@pytest.mark.parametrize(
    "label",
    ["First bad commit", "First known bad commit", "first bad", "Known bad", "**First bad commit**"],
)
def test_first_bad_commit_is_a_bad_end(label):
    text = f"Last good commit: 3333333ccc\n{label}: 4444444ddd\n"
    assert ends(text) == ("3333333ccc", "4444444ddd")


def test_first_bad_commit_yields_to_the_ends_of_its_bisection():
    text = f"git bisect bad 4444444ddd\ngit bisect good 3333333ccc\n{ONE} is the first bad commit\n"
    assert ends(text) == ("3333333ccc", "4444444ddd")


@pytest.mark.parametrize(
    "text",
    ["It is not the first bad commit: 4444444ddd", "First bad: not 4444444ddd", "Last good: not 4444444ddd"],
)
def test_denied_end_is_none(text):
    assert ends(text) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "Bisected to #22806, which turned out to be a false lead.",
        "Bisected to #22806, which is not the culprit after all.",
        "Bisected to #22806. That turned out to be a red herring.",
        "Bisected to #22806.\n\nUpdate: it was not the culprit.",
        "Bisected to #22806.\n\n#22806 is unrelated.",
        "Culprit: #22806\n\nEdit: #22806 was ruled out.",
        "Bisected to #22806.\n\nReverting #22806 did not help.",
        "PR #22806 is not the culprit. #22807 is innocent.",
        "#22806 did not cause this.",
        "Not caused by #22808.",
        "Neither #10 nor #11 is the culprit.",
        "I don't think #10 is the culprit.",
    ],
)
def test_cleared_change_is_no_suspect(text):
    assert blamed(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Culprit: #10 (unlikely to be #11).", [(10, "stated")]),
        ("The culprit is #10 rather than #11.", [(10, "stated")]),
        ("It is not caused by #11 but by #10.", [(10, "stated")]),
        ("Caused by #10, which is not in the release.", [(10, "stated")]),
        ("#10 was ruled out.\n\nSorry: the culprit is #10.", [(10, "stated")]),
        ("Bisected to #10. I was wrong, it's #11.", [(11, "stated")]),
        ("fails since 4444444ddd. #22807 is innocent.", [("4444444ddd", "derived")]),
    ],
)
def test_change_beside_a_cleared_one_is_blamed(text, found):
    assert blamed(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Either `{ONE}` or `{TWO}` is the culprit.", [(ONE, "guess"), (TWO, "guess")]),
        ("Caused by #10 or #11.", [(10, "guess"), (11, "guess")]),
        ("Caused by #10 and #11.", [(10, "stated"), (11, "stated")]),
        ("Caused by #10 or #11. Reverting #10 did not help; reverting #11 fixes it.", [(11, "stated")]),
    ],
)
def test_one_of_several_is_a_guess_until_tested(text, found):
    assert blamed(text) == found


def test_change_whose_revert_helps_is_no_fix():
    assert read("Reverting #11 fixes it.").fix_candidates == ()


@pytest.mark.parametrize("fence", ["", "```"])
def test_result_in_a_log_of_git_bisect(fence):
    (suspect,) = read(
        f"{fence}\n# first bad commit: [{ONE}] A subject of some words (#222)\n{fence}\n"
    ).suspects
    assert (suspect.pull, suspect.commit, suspect.certainty) == (222, ONE, "stated")


@pytest.mark.parametrize(
    "text",
    [
        "> Last good commit: 1111111aaa\n\nSorry, that was wrong. Correct ends: Last good commit: 3333333ccc",
        "> Last good commit: 1111111aaa\n\nGood: 3333333ccc",
        "Last good commit: 1111111aaa\n\nUpdate: last good commit: 3333333ccc",
    ],
)
def test_correction_of_an_end_is_taken(text):
    found = read(text)
    assert found.good.commit.value == "3333333ccc"


def test_corrected_end_is_a_note():
    found = read("Last good commit: 1111111aaa\n\nCorrection: last good commit: 3333333ccc")
    assert [note.value for note in found.notes] == ["1111111aaa"]


@pytest.mark.parametrize(
    ("text", "suspects"),
    [
        ("#10 seems to reduce the throughput.", [(10, "guess")]),
        ("#10 slows down the generation.", [(10, "stated")]),
        ("#10 seems to have broken it.", [(10, "guess")]),
        ("#10 broke it, #11 tried to fix it but caused a new failure.", [(10, "stated"), (11, "stated")]),
        ("Tests are skipped (guilty commit: #10).", [(10, "stated")]),
        ("regression introduced  by #10", [(10, "stated")]),
        ("I'm not sure why #10 caused the failures, but it did.", [(10, "stated")]),
        ("I'm not sure that #10 caused the failures.", [(10, "guess")]),
        (f"main is red since {ONE} (#10).", [(10, "derived")]),
        ("The crash has been fixed since #10.", []),
        ("#10 reduces the number of files.", []),
        ("#10 does not reduce the throughput.", []),
    ],
)
def test_change_is_blamed_for_its_effect(text, suspects):
    assert blamed(text) == suspects
