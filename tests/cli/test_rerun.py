"""The command to run again says what was asked for, with names that do not move."""

import shlex

import pytest

from bisect_tool.options.run_options import RunOptions, rerun, with_good
from bisect_tool.request import CommandCheck, PytestCheck, Request, SuiteCheck

SHA = "0123456789abcdef0123456789abcdef01234567"


def again(check, **asked):
    words = RunOptions(goods=("v1",), bad="main", **asked)
    return shlex.split(rerun(words, Request(repo="/r", goods=(SHA,), bad=SHA[::-1], check=check)))


def test_what_is_usual_is_left_out():
    assert again(SuiteCheck()) == ["bisect-run", "--repo", "/r", "--good", SHA[:12], "--bad", SHA[::-1][:12]]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"endpoint_runs": 5}, ["--endpoint-runs", "5"]),
        ({"deadline_s": 90.0}, ["--deadline", "90"]),
        ({"confirm": "revert"}, ["--confirm", "revert"]),
        ({"first_parent": True}, ["--first-parent"]),
        ({"cells": ("*[4]",)}, ["--cells", "*[4]"]),
        ({"pass_env": ("A_KEY", "B_KEY")}, ["--pass-env", "A_KEY", "--pass-env", "B_KEY"]),
    ],
)
def test_what_was_asked_for_comes_back(asked, words):
    assert again(SuiteCheck(), **asked)[-len(words) :] == words


def test_a_pinned_file_is_pinned_by_its_commit():
    check = PytestCheck(file="test_a.py", tests_from=SHA)
    told = again(check, pytest=("test_a.py",), tests_from="HEAD")
    assert told[-4:] == ["--pytest", "test_a.py", "--tests-from", SHA[:12]]


def test_a_command_comes_last_with_its_absolute_path():
    told = again(CommandCheck(argv=("/x/check.sh", "a b")), command=("./check.sh", "a b"), endpoint_runs=3)
    assert told[-5:] == ["--endpoint-runs", "3", "--", "/x/check.sh", "a b"]


def test_the_same_from_another_good_end():
    """What stands after `--` is the check's own."""
    line = "bisect-run --repo /r --good a --good b --bad c --fresh -- ./check.sh --good d"
    assert with_good(line, "e") == "bisect-run --repo /r --good e --bad c --fresh -- ./check.sh --good d"
