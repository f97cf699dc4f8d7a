"""Ends as commits, tags and ranges in sentences, and text that only looks like a build."""

import pytest

from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page

GOOD, BAD = "1111111aaa", "4444444ddd"


def read(text):
    return completed(analyse(read_page(text)), Context())


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        (f"It is green on {GOOD} and red on {BAD}.", GOOD, BAD),
        (f"Red on {BAD}.", None, BAD),
        (f"It works on {GOOD} but is broken on {BAD}.", GOOD, BAD),
        ("v0.8.0 works, v0.8.1 is broken", "v0.8.0", "v0.8.1"),
        (f"{GOOD} works, {BAD} fails.", GOOD, BAD),
        ("Works in v0.8.0, broken in v0.8.1rc1.", "v0.8.0", "v0.8.1rc1"),
        ("Good: v0.8.0\nBad: v0.8.1", "v0.8.0", "v0.8.1"),
        ("Last good version: v0.8.0\nFirst bad version: v0.8.1.post1", "v0.8.0", "v0.8.1.post1"),
        (f"Regression range: {GOOD}..{BAD}", GOOD, BAD),
        ("Regression range: v0.8.0...v0.8.1", "v0.8.0", "v0.8.1"),
        (f"https://github.com/o/p/compare/{GOOD}...{BAD}", GOOD, BAD),
        ("v0.8.0 does not work.", None, None),
        ("v0.8.0 is not broken.", None, None),
        ("The range 1..5 is broken.", None, None),
    ],
)
def test_ends(text, good, bad):
    found = read(text)
    assert (found.good.commit and found.good.commit.value, found.bad.commit and found.bad.commit.value) == (
        good,
        bad,
    )


def test_comparison_without_a_word_of_failure_is_a_guess():
    found = read(f"https://github.com/o/p/compare/{GOOD}...{BAD}")
    assert found.bad.commit.certainty == "guess"


def test_mentioned_version_may_be_of_another_project():
    assert read("It fails with v12.1 of the driver.").bad.commit.certainty == "derived"


def test_number_of_passed_tests_is_no_commit():
    found = read("1234567 passed, 20260101 failed")
    assert (found.good.commit, found.bad.commit) == (None, None)


def test_tag_is_not_abbreviated_in_commands():
    found = read("Good: v0.8.0\nBad: v0.8.1rc1.post12")
    assert "--good v0.8.0 --bad v0.8.1rc1.post12 " in found.commands[0].argv


def test_report_of_pytest_names_a_test_of_any_file():
    (test,) = read("FAILED foo/bar_spec.py::TestX::test_y - AssertionError: x").tests
    assert (test.file, test.name, test.certainty) == ("foo/bar_spec.py", "TestX::test_y", "stated")


@pytest.mark.parametrize(
    "text",
    [
        "The nightly build fails: PR #22806 is not the culprit. #22807 is innocent.",
        "The nightly build fails: not caused by #22808.",
    ],
)
def test_change_behind_a_label_of_builds_is_no_build(text):
    assert read(text).builds == ()


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("Performance regression between v0.4.0 and v0.4.1", "v0.4.0", "v0.4.1"),
        ("It crashes since I went from v0.4.0 to v0.4.1.", "v0.4.0", "v0.4.1"),
        ("With v0.10.2 I get 60 tok/s, but only 28 after upgrading to v0.12.0.", None, "v0.12.0"),
        ("It hangs since the update from v0.10.2 to v0.12.0.", None, "v0.12.0"),
        ("Downgrading to v0.8.2 helps.", "v0.8.2", None),
        ("b4100 works, b4200 is broken.", "b4100", "b4200"),
        ("It works on a B200 and fails on a B300.", None, None),
        ("We went back to v0.10.2 for now.", "v0.10.2", None),
        ("Downgrading to v0.8.2 does not help.", None, None),
        ("The option was renamed between v0.4.0 and v0.4.1.", None, None),
    ],
)
def test_versions_of_an_upgrade_are_ends(text, good, bad):
    found = read(text)
    assert (found.good.commit and found.good.commit.value, found.bad.commit and found.bad.commit.value) == (
        good,
        bad,
    )
    assert all(end.commit.certainty != "stated" for end in (found.good, found.bad) if end.commit)
