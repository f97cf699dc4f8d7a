"""Sessions whose checkout was moved."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def stopped(project):
    """A session stopped by its budget, with its check in the checkout: the commits and first trials."""
    shas = project.commits(0, 0, 0, 0, 1, 1, 1, 1)
    project.write_check()
    ends = ("--good", shas[0], "--bad", shas[-1])
    assert project.run(*ends, "--budget-trials", "5", "--", "./check.sh").code == 3
    return shas, trials(project)


def trials(project):
    return json.loads(project.run("report", "--json").stdout)["trials"]


def move(project):
    project.path = project.path.rename(project.path.with_name("moved here"))


def test_resume_takes_the_new_path_from_repo(project, stopped):
    shas, before = stopped
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
    assert project.run("resume").code == 0, "the new path is stored"


@pytest.mark.parametrize("args", [("report",), ("status", "last")])
def test_report_and_status_take_the_new_path_from_repo(project, stopped, args):
    move(project)
    assert "--repo" in project.run("resume").stderr
    shown = project.run(*args, "--json", "--repo", str(project.path))
    assert shown.code == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert document["repo"] == str(project.path)
    assert f"--repo '{project.path}'" in document["rerun"]
    assert f"-- '{project.path}/check.sh'" in document["rerun"]
    assert json.loads(project.run("report", "--json").stdout) == document, "the new path is stored"


def test_reports_of_an_ended_session_mask_a_secret_in_the_path(project, stopped, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "moved here")
    move(project)
    shown = project.run("report", "--json", "--repo", str(project.path))
    again = project.run("report", "--json")
    assert (shown.code, again.code) == (0, 0), shown.stderr
    assert "moved here" not in shown.stdout + again.stdout
    assert json.loads(again.stdout)["repo"].startswith(str(project.path.parent))


def test_session_is_resumed_once_a_vanished_repository_is_back(project):
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


def test_resume_rejects_another_repository(project, stopped):
    shas, _ = stopped
    move(project)
    other = project.path.with_name("other")
    project.git("init", "-q", str(other))
    ended = project.run("resume", "--repo", str(other))
    assert ended.code == 2
    assert "is not the repository of session" in ended.stderr
    assert shas[0][:12] in ended.stderr


def test_status_of_all_sessions_rejects_repo(project):
    assert project.run("status", "--repo", ".").code == 2
