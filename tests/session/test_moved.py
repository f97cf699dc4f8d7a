"""A session goes on where its checkout is now."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def begun(project):
    """A session that was stopped before its end, its check in the checkout: the commits, the first trials."""
    shas = project.commits(0, 0, 0, 0, 1, 1, 1, 1)
    project.write_check()
    ends = ("--good", shas[0], "--bad", shas[-1])
    assert project.run(*ends, "--budget-trials", "5", "--", "./check.sh").code == 3
    return shas, trials(project)


def trials(project):
    return json.loads(project.run("report", "--json").stdout)["trials"]


def move(project):
    project.path = project.path.rename(project.path.with_name("moved here"))


def test_resume_says_how_to_name_the_new_place_and_goes_on_there(project, begun):
    shas, before = begun
    move(project)
    lost = project.run("resume")
    assert lost.code == 2
    assert "--repo PATH" in lost.stderr
    ended = project.run("resume", "--repo", ".", "--json")
    assert ended.code == 0, ended.stderr
    cell = ended.document.cells["command"]
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[4]
    assert [trial.sha for trial in ended.document.trials[: len(before)]] == [trial["sha"] for trial in before]
    assert ended.document.repo == str(project.path)
    assert f"'{project.path}/check.sh'" in ended.document.rerun
    assert project.run("resume").code == 0, "the new place is kept"


@pytest.mark.parametrize("words", [("report",), ("status", "last")])
def test_report_and_status_take_the_new_place(project, begun, words):
    move(project)
    assert "--repo" in project.run("resume").stderr
    shown = project.run(*words, "--repo", str(project.path))
    assert shown.code == 0, shown.stderr


def test_commits_are_tested_once_a_repository_is_back_that_was_gone_during_a_trial(project):
    shas = project.commits(0, 0, 0, 1, 1)
    script = project.path.with_name("check.sh")
    objects = project.path / ".git" / "objects"
    once = f"mkdir {script}.once 2>&1 && mv {objects} {objects}.away"
    script.write_text(f"{once}; exit $(cat code)\n")
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", "sh", str(script))
    assert ended.code == 5, ended.stderr
    assert f"is no longer in {project.path}" in ended.stderr
    objects.with_name("objects.away").rename(objects)
    ended = project.run("resume", "--json")
    assert ended.code == 0, ended.stderr
    cell = ended.document.cells["command"]
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[3]


def test_another_repository_is_refused(project, begun):
    shas, _ = begun
    move(project)
    other = project.path.with_name("other")
    project.git("init", "-q", str(other))
    ended = project.run("resume", "--repo", str(other))
    assert ended.code == 2
    assert "is not the repository of session" in ended.stderr
    assert shas[0][:12] in ended.stderr


def test_status_of_all_sessions_takes_no_place(project):
    assert project.run("status", "--repo", ".").code == 2
