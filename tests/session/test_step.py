"""`bisect-run step` as the command of `git bisect run`: it has the exit codes of git, and no others."""

from __future__ import annotations

import signal

import pytest
from projects import BISECT_RUN, survivors

CODES = {0: 0, 3: 1, 125: 125, 127: 1, 128: 128, "kill": 128}


def test_git_bisect_finds_the_culprit_with_step(project):
    shas = project.commits(0, 0, 1, 1)
    project.write_check()
    assert project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh") == (0, [shas[2]])


def test_git_bisect_stops_where_step_aborts(project):
    shas = project.commits(0, 128, 1)
    project.write_check()
    code, left = project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh")
    assert code != 0
    assert left == []


def test_git_bisect_skips_untestable_commits(project):
    shas = project.commits(0, 125, 1)
    project.write_check()
    code, left = project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh")
    assert code != 0
    assert set(left) == set(shas[1:])


def test_exit_code_of_the_check_is_mapped_to_that_of_git_bisect(project):
    shas = {code: project.commit(code) for code in CODES}
    project.write_check()
    results = {code: project.run("step", "--rev", sha, "--", "./check.sh") for code, sha in shas.items()}
    assert {code: ended.code for code, ended in results.items()} == CODES
    assert {ended.stdout for ended in results.values()} == {""}


def test_a_hang_is_bad(project):
    project.commit("hang")
    project.write_check()
    ended = project.run("step", "--deadline", "0.5", "--", "./check.sh")
    assert ended.code == 1
    assert "Hang" in ended.stderr


@pytest.mark.parametrize(("text", "code"), [("the command did not end", 1), ("OutOfMemoryError", 125)])
def test_with_a_signature_another_failure_is_skipped(project, text, code):
    project.commit("hang")
    project.write_check()
    ended = project.run("step", "--deadline", "0.5", "--signature", text, "--", "./check.sh")
    assert ended.code == code


@pytest.mark.parametrize(
    "args",
    [
        ("--no-such-option",),
        ("--deadline", "soon"),
        ("--rev", "no-such-ref", "--", "./check.sh"),
        ("--", "./no-such-check.sh"),
        ("--repo", "no-such-folder", "--", "./check.sh"),
        ("--pytest", "test_x.py", "--", "./check.sh"),
    ],
)
def test_usage_error_stops_git_bisect(project, args):
    """With exit code 1 or 2, git would mark the commit as bad."""
    project.commit(0)
    project.write_check()
    ended = project.run("step", *args)
    assert ended.code == 128
    assert ended.stderr
    assert "Traceback" not in ended.stderr


def test_unwritable_home_stops_git_bisect(project):
    project.commit(0)
    project.write_check()
    project.home.write_text("in the way")
    assert project.run("step", "--", "./check.sh").code == 128


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_stops_git_bisect(project, wait_for, tmp_path, name):
    project.commit(0)
    started = tmp_path / "started"
    project.write_check(f"#!/bin/sh\ntouch {started}\nexec sleep 600\n")
    process = project.fork("step", "--", "./check.sh")
    wait_for(started.exists)
    process.send_signal(signal.Signals[name])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128
    assert "Traceback" not in errors
    assert survivors(project.mark) == []


def test_step_does_not_change_the_checkout(project):
    """The check changes a separate worktree only."""
    project.commit(0)
    project.write_check("#!/bin/sh\necho 1 > code\nrm name\ngit checkout -q --orphan other\nexit 0\n")
    before = project.snapshot()
    assert project.run("step", "--", "./check.sh").code == 0
    assert project.snapshot() == before
