"""Sessions that search for a fix, sessions with a budget, and a culprit without changes."""

from __future__ import annotations

from test_any_project import bisect, culprit_of


def test_find_fix_reports_the_fixing_commit(project):
    """`--bad` is the older end, and the report says 'fixed by' and 'last bad'."""
    shas = project.commits(1, 1, 1, 0, 0, 0)
    project.write_check()
    ended = project.run(
        "run", "--json", "--find", "fix", "--bad", shas[0], "--good", shas[-1], "--", "./check.sh"
    )
    document = ended.document
    cell = document.cells["command"]
    assert (ended.code, document.find, culprit_of(ended)) == (0, "fix", shas[3])
    assert (document.good, document.bad) == ((shas[-1],), shas[0])
    assert cell.last_good == shas[2]
    assert cell.bad.failed == cell.bad.runs > 0
    assert document.failure is not None
    assert "--find fix" in document.rerun
    assert f"--bad {shas[0][:12]}" in document.rerun
    shown = project.run("report", document.session)
    assert "Fixed by" in shown.stdout
    assert "Last bad" in shown.stdout


def test_a_fix_has_one_good_end(project):
    shas = project.commits(1, 0, 0)
    project.write_check()
    ended = project.run(
        "run", "--find", "fix", "--bad", shas[0], "--good", shas[1], "--good", shas[2], "--", "./check.sh"
    )
    assert ended.code == 2
    assert "takes a single --good" in ended.stderr


def test_exhausted_budget_reports_the_candidates(project):
    shas = project.commits(*[0] * 9, *[1] * 8)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1], options=["--budget-trials", "3"])
    document = ended.document
    cell = document.cells["command"]
    assert (ended.code, len(document.trials), cell.finding) == (3, 3, "candidates")
    assert shas[9] in cell.candidates
    assert 0.8 < sum(cell.probabilities.values()) <= 1.0
    assert "budget" in document.conclusion
    assert cell.probabilities[shas[9]] > 1 / 16


def test_rerun_line_omits_a_budget_that_was_exceeded(project):
    """Once resumed beyond the budget, a rerun with it would not reach the same result."""
    shas = project.commits(*[0] * 9, *[1] * 8)
    project.write_check()
    stopped = bisect(project, shas[0], shas[-1], options=["--budget-trials", "4"]).document
    assert stopped.resumable
    assert "--budget-trials 4" in stopped.rerun
    resumed = project.run("resume", "--json")
    while resumed.document.resumable:
        assert "--budget" not in resumed.document.rerun
        resumed = project.run("resume", "--json")
    assert culprit_of(resumed) == shas[9]
    assert resumed.document.rerun == stopped.rerun.replace(" --budget-trials 4", "")


def test_a_culprit_that_changes_nothing_is_suspect(project):
    """An empty commit cannot be the cause: something else changed between the trials."""
    shas = project.commits(0, 0)
    project.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    culprit = project.git("rev-parse", "HEAD").strip()
    project.git("commit", "-q", "--allow-empty", "-m", "Nothing, again")
    descendant = project.git("rev-parse", "HEAD").strip()
    project.write_check(
        f'#!/bin/sh\ncase "$(git rev-parse HEAD)" in {culprit}|{descendant}) exit 1 ;; esac\nexit 0\n'
    )
    ended = bisect(project, shas[0], descendant)
    cell = ended.document.cells["command"]
    assert cell.culprit is not None
    assert (ended.code, cell.culprit.sha, cell.no_op) == (3, culprit, True)
    assert "suspect" in ended.document.conclusion
