"""Suspects: commits at which a command fails differently from the bad end, in documents and reports."""

from __future__ import annotations

import shlex

import pytest

CHECK = """#!/bin/sh
read -r code < code
case $code in
1) echo "AssertionError: 3 != 4" ;;
2) echo "ImportError: cannot import name spam" ;;
esac
exit $code
"""


@pytest.fixture
def broken_twice(project):
    """Broken by another failure, fixed, then broken by that of the bad end."""
    shas = project.commits(0, 2, 2, 2, 2, 0, 0, 1, 1)
    project.write_check(CHECK)
    return shas


def bisect(project, shas, *options):
    return project.run("--good", shas[0], "--bad", shas[-1], *options, "--", "./check.sh")


def test_a_commit_that_fails_in_another_way_is_suspect(project, broken_twice):
    ended = bisect(project, broken_twice, "--json")
    document = ended.document
    cell = document.cells["command"]
    assert (ended.code, document.exit_code, cell.finding) == (3, 3, "suspect")
    assert document.conclusion == "suspect: the failure differs from the one at the bad commit"
    assert cell.culprit is not None
    assert cell.culprit.sha == broken_twice[1]
    assert cell.other_failure is not None
    assert cell.other_failure.found == "exit code 2: ImportError: cannot import name spam"
    assert cell.other_failure.bad_end == "exit code 1: AssertionError: 3 != 4"
    assert {trial.exit for trial in document.trials if trial.outcome == "failed"} == {
        "exit code 1",
        "exit code 2",
    }
    assert document.failure is not None
    assert document.failure.root.exit == "exit code 2"

    again = project.run("--json", *shlex.split(document.rerun_same_failure)[1:])
    assert again.code == 0, again.stderr
    culprit = again.document.cells["command"].culprit
    assert culprit is not None
    assert culprit.sha == broken_twice[7]
    assert "--same-failure" in again.document.rerun
    assert again.document.rerun_same_failure == ""
    skipped = again.document.cells["command"].skipped
    assert {skip.sha for skip in skipped} <= set(broken_twice[1:5])
    assert all("another failure: Command: exit code 2: ImportError" in skip.reason for skip in skipped)


def test_a_fix_of_another_failure_is_suspect(project):
    """What failed at --bad was fixed by the third commit, and another failure by the last."""
    shas = project.commits(1, 1, 2, 2, 0)
    project.write_check(CHECK)
    args = ("--find", "fix", "--bad", shas[0], "--good", shas[-1], "--json", "--", "./check.sh")
    ended = project.run(*args)
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (3, "suspect")
    assert cell.other_failure is not None
    assert cell.other_failure.found == "exit code 2: ImportError: cannot import name spam"
    assert cell.other_failure.bad_end == "exit code 1: AssertionError: 3 != 4"


def test_both_failures_and_the_rerun_line_are_shown(project, broken_twice, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    shown = bisect(project, broken_twice).stdout
    both = (
        "fails differently here (exit code 2: ImportError: cannot import name spam) "
        f"than at {broken_twice[-1][:9]} (exit code 1: AssertionError: 3 != 4)"
    )
    assert sum(both in line for line in shown.splitlines()) == 1
    assert shown.startswith(f"Suspect    {broken_twice[1][:9]}")
    assert "--same-failure -- " in shown
    markdown = project.run("report", "--markdown").stdout
    assert "only a suspect" in markdown
    assert "--same-failure" in markdown
    assert "suspect: the failure differs" in project.run("status").stdout


def test_same_failure_with_other_numbers_is_not_suspect(project):
    shas = project.commits(0, 1, 1, 1)
    project.write_check(
        '#!/bin/sh\nread -r code < code\necho "ValueError: $$ of $(date +%N)"\nexit "$code"\n'
    )
    ended = bisect(project, shas, "--json")
    assert (ended.code, ended.document.cells["command"].finding) == (0, "culprit")


def test_passing_end_that_fails_differently_is_reported_as_such(project):
    shas = project.commits(2, 1, 1)
    project.write_check(CHECK)
    ended = bisect(project, shas, "--json")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (4, "always red")
    assert "in another way: exit code 2: ImportError" in cell.note
    assert "--same-failure" in ended.document.rerun_same_failure
    assert f"skip such commits: {ended.document.rerun_same_failure}" in ended.stderr


def test_the_option_needs_a_command(project):
    project.commits(0, 1)
    ended = project.run("--good", "HEAD~1", "--bad", "HEAD", "--same-failure")
    assert ended.code == 2
    assert "--same-failure needs a command" in ended.stderr


def test_a_commit_that_adds_the_test_is_suspect(project):
    """The test is newer than the breakage, and the runner passes without tests."""
    shas = project.commits(*["none"] * 5, 1, 1)
    check = """#!/bin/sh
read -r code < code
[ $code = none ] && { echo "Ran 0 tests in 0.000s"; exit 0; }
exit $code
"""
    project.write_check(check)
    ended = bisect(project, shas, "--json")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (3, "suspect")
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[5]
    assert ended.document.conclusion == "suspect: no test ran where the check passes"
    assert cell.note == f"at {shas[4][:9]} it passes without running a test: Ran 0 tests in 0.000s"


def test_a_commit_that_no_longer_hides_the_exit_code_is_suspect(project):
    """The test fails from the third commit on, but only from the fifth on with an exit code."""
    shas = project.commits(0, 0, "hidden", "hidden", 1, 1)
    check = """#!/bin/sh
read -r code < code
[ $code = 0 ] && exit 0
echo "FAILED test_a.py::test_b - assert 2 == 1"
[ $code = 1 ]
exit $((1 - $?))
"""
    project.write_check(check)
    ended = bisect(project, shas, "--json")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (3, "suspect")
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[4]
    assert ended.document.conclusion == "suspect: the same tests fail where the check passes"
