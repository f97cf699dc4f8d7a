"""The command line that repeats a request, with commit ids instead of refs."""

import shlex

import pytest

from bisect_tool.checks import CommandCheck, ProjectCheck, PytestCheck, SuiteCheck
from bisect_tool.errors import UsageError
from bisect_tool.mode import Bisect, Candidate, Fixes, Repro, Step, Walk
from bisect_tool.options.rerun import rerun, with_found_end, with_good
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions, StepOptions
from bisect_tool.options.validate import validate
from bisect_tool.request import Request

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = SHA[::-1]
SHORT, SHORT_OTHER = SHA[:12], OTHER[:12]


def line(options, mode, check=None):
    request = Request(mode=mode, repo="/r", bad=OTHER, check=check or SuiteCheck())
    return shlex.split(rerun(options, request))


def rerun_line(check=None, find="regression", **options_given):
    options = RunOptions(good=("v1",), bad="main", find=find, **options_given)
    return line(options, Bisect(goods=(SHA,), find=find), check)


def test_default_values_are_left_out():
    assert rerun_line() == ["bisect-run", "--good", SHORT, "--bad", SHORT_OTHER, "--repo", "/r"]


@pytest.mark.parametrize(
    ("options_given", "arguments"),
    [
        ({"endpoint_runs": 5}, ["--endpoint-runs", "5"]),
        ({"deadline": 90.0}, ["--deadline", "90"]),
        ({"confirm": "revert"}, ["--confirm", "revert"]),
        ({"first_parent": True}, ["--first-parent"]),
        ({"cells": ("*[4]",)}, ["--cells", "*[4]"]),
        ({"pass_env": ("A_KEY", "B_KEY")}, ["--pass-env", "A_KEY", "--pass-env", "B_KEY"]),
        ({"as_json": True}, ["--repo", "/r"]),
    ],
)
def test_given_options_are_in_the_rerun_line(options_given, arguments):
    assert rerun_line(**options_given)[-len(arguments) :] == arguments


def test_a_search_for_a_fix_names_the_ends_as_they_were_given():
    """The request has the failing end as its good one."""
    assert rerun_line(find="fix")[:7] == [
        "bisect-run", "--good", SHORT_OTHER, "--bad", SHORT, "--repo", "/r",
    ]  # fmt: skip


def test_a_pinned_file_is_pinned_by_its_commit():
    check = PytestCheck(file="test_a.py", tests_from=SHA)
    arguments = rerun_line(check, pytest=("test_a.py",), tests_from="HEAD")
    assert arguments[-4:] == ["--pytest", "test_a.py", "--tests-from", SHORT]


def test_the_tests_of_a_project_come_with_their_interpreter():
    check = ProjectCheck(targets=("tests", "a.py::b"), args=("-m", "not slow"), python="/v/bin/python")
    assert rerun_line(check, pytest=("tests",))[7:] == [
        "--pytest", "tests", "--pytest", "a.py::b",
        "--pytest-args", "-m 'not slow'", "--python", "/v/bin/python",
    ]  # fmt: skip


def test_a_command_comes_last_with_its_absolute_path():
    arguments = rerun_line(
        CommandCheck(argv=("/x/check.sh", "a b")), command=("./check.sh", "a b"), endpoint_runs=3
    )
    assert arguments[-5:] == ["--endpoint-runs", "3", "--", "/x/check.sh", "a b"]


def test_repro_runs_the_same_commits_and_writes_no_script():
    options = ReproOptions(rev="main", runs=3, compare="v1", script="repro.sh", stress="cpu", slots=2)
    mode = Repro(runs=3, against=SHA, script="/x/repro.sh", stress="cpu")
    assert line(options, mode) == [
        "bisect-run", "repro", SHORT_OTHER, "--runs", "3", "--compare", SHORT, "--stress", "cpu",
        "--repo", "/r", "--slots", "2",
    ]  # fmt: skip


def test_fixes_names_the_candidates_that_were_tried():
    """Also the default candidates."""
    candidates = (
        Candidate(kind="revert", name="revert a", title="", commit=SHA),
        Candidate(kind="apply", name="apply b", title="", path="/x/b.patch"),
        Candidate(kind="pick", name="pick c", title="", commit=OTHER),
    )
    assert line(FixesOptions(at="main", runs=3), Fixes(candidates=candidates, verify=(SHA,))) == [
        "bisect-run", "fixes", "--at", SHORT_OTHER, "--revert", SHORT, "--apply", "/x/b.patch",
        "--pick", SHORT_OTHER, "--verify", SHORT, "--runs", "3", "--repo", "/r",
    ]  # fmt: skip


def test_step_tests_the_same_commit_for_the_same_signature():
    arguments = line(StepOptions(signature="KeyError"), Step(), CommandCheck(argv=("make",)))
    assert arguments == [
        "bisect-run", "step", "--rev", SHORT_OTHER, "--repo", "/r", "--signature", "KeyError", "--", "make",
    ]  # fmt: skip


def test_rerun_line_with_another_good_end():
    """Options after `--` belong to the command."""
    given = "bisect-run --repo /r --good a --good b --bad c --fresh -- ./check.sh --good d"
    assert with_good(given, "e") == "bisect-run --repo /r --good e --bad c --fresh -- ./check.sh --good d"


@pytest.mark.parametrize(
    ("find", "given", "arguments"),
    [
        ("regression", {"bad": "main"}, ["--bad", SHORT_OTHER]),
        ("fix", {"good": ("main",)}, ["--good", SHORT_OTHER]),
    ],
)
def test_a_walk_names_the_end_that_was_given(find, given, arguments):
    rerun_args = line(RunOptions(find=find, **given), Walk(find=find))
    assert rerun_args[1:3] == arguments
    assert len([word for word in rerun_args if word in ("--good", "--bad")]) == 1


def test_a_bisection_after_a_walk_names_the_end_that_was_found():
    assert with_found_end("bisect-run --bad b -- ./c", "g", fix=False) == "bisect-run --good g --bad b -- ./c"
    assert with_found_end("bisect-run --good g --find fix", "b", fix=True) == (
        "bisect-run --bad b --good g --find fix"
    )
    assert with_found_end("", "g", fix=False) == ""


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"good": ("v1",)}, "--bad"), ({}, "--bad"), ({"find": "fix", "bad": "v1"}, "--good")],
)
def test_newer_end_is_required(given, missing):
    with pytest.raises(UsageError, match=f"Missing option '{missing}'"):
        validate(RunOptions(**given))
