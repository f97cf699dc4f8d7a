"""`bisect-run repro` on real repositories: counts, order of runs, exit codes and reports."""

from __future__ import annotations

import json
import signal

import pytest

from bisect_tool.stats import fisher, wilson

EVERY_THIRD = """#!/bin/sh
# Fails in every third run at a commit whose `code` is 1.
read -r code < code
echo "$code" >> {log}
[ "$code" = 1 ] || exit "$code"
[ $(( $(grep -c "^1$" {log}) % 3 )) != 0 ]
"""


@pytest.fixture
def log(tmp_path, project):
    """A file with the `code` of each run's commit, one a line."""
    log = tmp_path / "log"
    project.write_check(EVERY_THIRD.format(log=log))
    return log


def repro(project, *args):
    before = project.snapshot()
    ended = project.run("repro", *args, "--json", "--", "./check.sh")
    assert project.snapshot() == before
    return ended


def test_repro_counts_runs_and_failures(project, log):
    sha = project.commits(0, 1)[1]
    ended = repro(project, "HEAD", "--runs", "7")
    assert ended.code == 1, ended.stderr
    document = ended.document
    assert (document.command, document.exit_code, document.good, document.bad) == ("repro", 1, (), sha)
    cell = document.repro.cells["command"]
    assert (cell.rate.sha, cell.rate.runs, cell.rate.failed, cell.rate.rate) == (sha, 7, 2, 2 / 7)
    assert (cell.rate.low, cell.rate.high) == wilson(2, 7)
    assert [(each.signature, each.count) for each in cell.rate.signatures] == [
        ("Command: exit code 1: no output", 2)
    ]
    spread = cell.rate.seconds_to_failure
    assert 0 <= spread.min <= spread.median <= spread.max
    assert document.failure.sha == sha
    assert document.conclusion == "reproduced: command failed in 2 of 7 runs"
    assert {trial.purpose for trial in document.trials} == {"repeat"}
    assert log.read_text().split() == ["1"] * 7


def test_repro_without_failures_exits_with_0(project, log):
    project.commit(0)
    ended = repro(project, "HEAD", "--runs", "3")
    assert ended.code == 0
    assert ended.document.repro.cells["command"].rate.failed == 0
    assert ended.document.failure is None


def test_until_fail_stops_at_the_first_failure(project, log):
    project.commit(1)
    ended = repro(project, "HEAD", "--runs", "9", "--until-fail")
    assert ended.code == 1
    assert len(log.read_text().split()) == 3


def test_until_fail_is_limited_by_runs(project, log):
    project.commit(1)
    ended = repro(project, "HEAD", "--runs", "2", "--until-fail")
    assert ended.code == 0
    assert len(log.read_text().split()) == 2


def test_compare_runs_two_commits_in_turn(project, log):
    good, bad = project.commits(0, 1)
    ended = repro(project, bad, "--compare", good, "--runs", "6")
    assert ended.code == 1
    assert log.read_text().split() == ["1", "0"] * 6
    cell = ended.document.repro.cells["command"]
    assert (cell.rate.sha, cell.rate.failed, cell.rate.runs) == (bad, 2, 6)
    assert (cell.baseline.sha, cell.baseline.failed, cell.baseline.runs) == (good, 0, 6)
    assert cell.p_value == fisher(2, 6, 0, 6)


def test_failure_at_the_compared_commit_only_is_reported(project, log):
    good, bad = project.commits(0, 1)
    ended = repro(project, good, "--compare", bad, "--runs", "3")
    assert ended.code == 1
    assert ended.document.conclusion == f"not reproduced: fails only at {bad[:9]}"
    assert ended.document.failure.sha == bad


@pytest.mark.parametrize("other", [0, 1])
def test_commit_without_results_is_not_compared(project, log, other):
    """Not even with a commit that passes."""
    compared, sha = project.commits(other, 125)
    ended = repro(project, sha, "--compare", compared, "--runs", "3")
    assert (ended.code, ended.document.exit_code) == (3, 3)
    assert ended.document.conclusion == "no run gave a result at this commit: exit code 125"
    assert ended.document.repro.cells["command"].p_value is None


def test_repro_stops_after_two_inconclusive_runs(project, log):
    project.commit(125)
    ended = repro(project, "HEAD", "--runs", "20")
    assert ended.code == 3
    assert len(log.read_text().split()) == 2
    assert ended.document.repro.cells["command"].rate.rate is None
    assert "exit code 125" in ended.document.conclusion


def test_repro_runs_in_parallel_slots(project, log):
    project.commit(1)
    ended = repro(project, "HEAD", "--runs", "5", "--slots", "2")
    assert len(ended.document.trials) == 5


def test_rerun_line_of_repro_makes_the_same_request(project, log):
    good, bad = project.commits(0, 1)
    first = repro(project, bad, "--compare", good, "--runs", "2").document
    args = first.rerun.split()
    assert args[:2] == ["bisect-run", "repro"]
    again = project.run(*args[1:-2], "--json", *args[-2:]).document
    assert (again.rerun, again.bad, again.repro.against) == (first.rerun, bad, good)


def test_interrupted_and_resumed(project, log, tmp_path, wait_for):
    """The third run waits until it is interrupted; what ran before is not run again."""
    project.commit(0)
    gate = tmp_path / "gate"
    script = f"#!/bin/sh\necho run >> {log}\n[ -e {gate} ] || [ $(wc -l < {log}) -lt 3 ] || sleep 600\n"
    project.write_check(script)
    process = project.fork("repro", "HEAD", "--runs", "4", "--", "./check.sh")
    wait_for(lambda: log.exists() and len(log.read_text().split()) == 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    unfinished = project.run("report", "--json").document
    assert (unfinished.exit_code, unfinished.resumable) == (130, True)
    assert unfinished.repro.cells["command"].rate.runs == 2
    assert "2 runs left" in project.run("status", "last").stdout
    gate.touch()
    ended = project.run("resume", "--json")
    assert ended.code == 0, ended.stderr
    assert ended.document.repro.cells["command"].rate.runs == 4
    assert len(log.read_text().split()) == 5


def test_session_without_any_run_is_reported(project, log, tmp_path, wait_for):
    project.commit(0)
    project.write_check(f"#!/bin/sh\ntouch {log}\nexec sleep 600\n")
    process = project.fork("repro", "HEAD", "--", "./check.sh")
    wait_for(log.exists)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    report = project.run("report")
    assert (report.code, "20 runs left" in report.stdout) == (0, True)


def test_the_report_and_the_list_of_sessions(project, log, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # the project's path is long
    project.commits(0, 1)
    shown = project.run("repro", "HEAD", "--compare", "HEAD~1", "--runs", "3", "--", "./check.sh").stdout
    assert "1 of 3" in shown
    assert "0 of 3" in shown
    assert "1 x Command: exit code 1: no output" in shown
    assert "1.000" in shown
    assert project.run("report").stdout == shown
    assert "reproduced: command" in project.run("status").stdout
    assert json.loads(project.run("report", "--json").stdout)["command"] == "repro"
    issue = project.run("report", "--markdown")
    assert issue.code == 0
    for text in ("| 1 of 3 |", "| 0 of 3 |", "1 x `Command: exit code 1: no output`", "| 1.000 |"):
        assert text in issue.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("HEAD", "--runs", "0"), "--runs"),
        (("no-such-rev",), "no-such-rev"),
        (("HEAD", "--compare", "main"), "is the same commit"),
        (("HEAD", "--compare", "no-such-rev"), "no-such-rev"),
        (("HEAD", "--compare", "HEAD~1", "--until-fail"), "cannot be used together"),
    ],
)
def test_misuse(project, log, args, message):
    project.commits(0, 1)
    ended = project.run("repro", *args, "--", "./check.sh")
    assert (ended.code, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 2
    assert "Traceback" not in ended.stderr
