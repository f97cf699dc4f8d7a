"""`bisect-run step` as the checker of `git bisect run`: its exit codes are git's words, and no others."""

from __future__ import annotations

import signal

import pytest
from projects import BISECT_RUN, survivors

CODES = {0: 0, 3: 1, 125: 125, 127: 1, 128: 128, "kill": 128}


def test_git_finds_the_culprit_with_it(project):
    shas = project.commits(0, 0, 1, 1)
    project.write_check()
    assert project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh") == (0, [shas[2]])


def test_git_stops_where_it_stops(project):
    shas = project.commits(0, 128, 1)
    project.write_check()
    code, left = project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh")
    assert code != 0
    assert left == []


def test_git_skips_what_cannot_be_tested(project):
    shas = project.commits(0, 125, 1)
    project.write_check()
    code, left = project.git_bisect(shas[0], shas[-1], *BISECT_RUN, "step", "--", "./check.sh")
    assert code != 0
    assert set(left) == set(shas[1:])


def test_the_exit_code_of_the_check_becomes_a_word_of_git(project):
    shas = {code: project.commit(code) for code in CODES}
    project.write_check()
    said = {code: project.run("step", "--rev", sha, "--", "./check.sh") for code, sha in shas.items()}
    assert {code: ended.code for code, ended in said.items()} == CODES
    assert {ended.stdout for ended in said.values()} == {""}


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
    "words",
    [
        ("--no-such-option",),
        ("--deadline", "soon"),
        ("--rev", "no-such-ref", "--", "./check.sh"),
        ("--", "./no-such-check.sh"),
        ("--repo", "no-such-folder", "--", "./check.sh"),
        ("--pytest", "test_x.py", "--", "./check.sh"),
    ],
)
def test_a_mistake_stops_the_bisection(project, words):
    """With 1 or 2 git would take it for a bad commit."""
    project.commit(0)
    project.write_check()
    ended = project.run("step", *words)
    assert ended.code == 128
    assert ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_written_stops_the_bisection(project):
    project.commit(0)
    project.write_check()
    project.home.write_text("in the way")
    assert project.run("step", "--", "./check.sh").code == 128


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_the_bisection(project, wait_for, tmp_path, name):
    project.commit(0)
    begun = tmp_path / "begun"
    project.write_check(f"#!/bin/sh\ntouch {begun}\nexec sleep 600\n")
    process = project.fork("step", "--", "./check.sh")
    wait_for(begun.exists)
    process.send_signal(signal.Signals[name])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128
    assert "Traceback" not in errors
    assert survivors(project.mark) == []


def test_the_checkout_is_left_to_git(project):
    """What the check does to its folder, it does to a worktree of ours."""
    project.commit(0)
    project.write_check("#!/bin/sh\necho 1 > code\nrm name\ngit checkout -q --orphan other\nexit 0\n")
    before = project.snapshot()
    assert project.run("step", "--", "./check.sh").code == 0
    assert project.snapshot() == before
