"""`bisect-run nightly` on JUnit XML files of a small repository."""

import gc
import json
import os
import signal
import subprocess

import pytest
from nightly_repository import git, numbered_commits

from bisect_tool.cli import run_session
from bisect_tool.cli.run_session import finish
from bisect_tool.delivery.action_outcome import DeliveryReport, Outcome
from bisect_tool.delivery.actions import WriteFiles
from bisect_tool.file_lock import lease
from bisect_tool.mode import Bisect
from bisect_tool.request import Request
from bisect_tool.session.store import Store


@pytest.fixture
def repo(tmp_path):
    assert [*numbered_commits(tmp_path / "repo", 8)]
    return tmp_path / "repo"


@pytest.fixture
def results(repo, tmp_path):
    """Write the outcomes of two tests at each commit, a day apart, or none; the second one always passes."""
    commits = git(repo, "rev-list", "--reverse", "HEAD").split()

    def write(outcomes):
        for day, (commit, outcome) in enumerate(zip(commits, outcomes, strict=False), 1):
            if outcome == "-":
                continue
            inside = '<failure message="RuntimeError: no"/>' if outcome == "F" else ""
            folder = tmp_path / "runs" / commit[:12]
            folder.mkdir(parents=True)
            (folder / "junit.xml").write_text(
                f'<testsuites><testsuite name="gpu" timestamp="2026-03-0{day}T00:00:00" time="1">'
                f'<testcase classname="t" name="test_a">{inside}</testcase>'
                '<testcase classname="t" name="test_b"/></testsuite></testsuites>'
            )
        return commits

    return write


@pytest.fixture
def check(tmp_path):
    """A check that fails from change 4 on, until the file is 0 again."""
    path = tmp_path / "check.sh"
    path.write_text('#!/bin/sh\ntest $(cat n) -lt 4 || { echo "RuntimeError: broken" >&2; exit 1; }\n')
    path.chmod(0o755)
    return path


def test_new_regression_would_be_bisected(cli, repo, results, check, tmp_path):
    commits = results("PPPFFFF")
    pattern = tmp_path / "runs" / "*" / "junit.xml"
    ended = cli("nightly", "--repo", repo, "--results", pattern, "--dry-run", "--json", "--", check)
    assert (ended.code, ended.err) == (1, "")
    document = json.loads(ended.out)
    assert (document["schema"], document["commit"], document["dry_run"]) == (1, commits[-1], True)
    first, second = document["cells"]
    assert (first["cell"], first["status"], first["reason"]) == ("t::test_a", "new", "regression")
    assert first["action"] == f"bisect {commits[2][:9]}..{commits[3][:9]}"
    assert (second["cell"], second["status"]) == ("t::test_b", "green")


@pytest.mark.parametrize("options", [["--dry-run"], []], ids=["dry run", "night"])
def test_bisection_without_a_usable_check_is_an_error_of_the_report(cli, repo, results, tmp_path, options):
    commits = results("PPPFFFF")
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "runs", *options)
    message = f"{commits[2][:9]}..{commits[3][:9]} is not bisected: "
    gc.collect()  # a store collected in a thread of another test cannot be closed there
    assert ended.code == 2
    assert message in ended.err
    assert message in ended.out


def test_nothing_new_ends_with_0(cli, repo, results, tmp_path):
    results("PPPPFPP")
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "runs", "--dry-run")
    assert ended.code == 0
    assert ended.out.endswith("2 of 2 cells passed\n")


def test_results_that_do_not_exist_are_a_usage_error(cli, repo, tmp_path):
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "none", "--dry-run")
    assert ended.code == 2
    assert "no file matches" in ended.err


def test_results_of_ci_start_a_bisection_with_the_given_check(cli, repo, results, check, tmp_path):
    commits = results("PPP-FFFF")
    arguments = ("nightly", "--repo", repo, "--results", tmp_path / "runs", "--json", "--", check)
    first = cli(*arguments)
    (cause,) = json.loads(first.out)["causes"]
    assert (first.code, cause["culprit"], cause["cells"]) == (1, commits[4], ["t::test_a"])
    second = cli(*arguments)
    (again,) = json.loads(second.out)["causes"]
    assert (second.code, second.err, again["state"]) == (0, "", "open")


def test_nights_from_green_to_red_to_fixed(cli, repo, check):
    """A regression is bisected once, is new for one night, and its fix is reported."""

    def night(back):
        ended = cli("nightly", "--repo", repo, "--ref", f"HEAD~{back}", "--json", "--", check)
        document = json.loads(ended.out)
        return ended.code, [each["status"] for each in document["cells"]], document["causes"]

    culprit = git(repo, "rev-parse", "HEAD~3")
    assert [night(6), night(5)] == [(0, ["green"], [])] * 2
    code, statuses, (cause,) = night(1)
    assert (code, statuses, cause["state"], cause["culprit"]) == (1, ["new"], "new", culprit)
    assert (cause["proven"], cause["document"]["exit_code"]) == (True, 0)
    code, statuses, (again,) = night(0)
    assert (code, statuses, again["state"], again["fingerprint"]) == (
        0,
        ["still red"],
        "open",
        cause["fingerprint"],
    )
    (repo / "n").write_text("0")
    git(repo, "commit", "-q", "-a", "-m", "fix")
    code, statuses, (fixed,) = night(0)
    assert (code, statuses, fixed["state"]) == (0, ["fixed"], "fixed")
    assert fixed["fixed_by"] == git(repo, "rev-parse", "HEAD")


def test_commit_without_a_result_is_no_green_night(cli, repo, tmp_path):
    ended = cli("nightly", "--repo", repo, "--", "sh", "-c", "exit 125")
    assert ended.code == 3
    assert "no run gave a result" in ended.err


def test_second_nightly_names_the_one_that_runs(cli, repo, check, home):
    lock = home / "state" / "nightly" / "running.lock"
    with lease(lock, 0, "", lambda _: None):
        lock.write_text("1")
        ended = cli("nightly", "--repo", repo, "--", check)
    assert ended.code == 5
    assert "another `bisect-run nightly` is running (pid 1, since" in ended.err
    assert "waiting" not in ended.err


def test_used_budget_postpones_the_bisection(  # noqa: PLR0917 - fixtures
    cli, repo, results, check, tmp_path, monkeypatch
):
    results("PPPFFFF")
    monkeypatch.setattr("bisect_tool.nightly_run.night.Night._used_up", property(lambda _: True))
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "runs", "--", check)
    assert ended.code == 3
    assert "the budget is used up; not bisected tonight" in ended.err


def test_used_budget_postpones_reruns(cli, repo, check, monkeypatch):
    cli("nightly", "--repo", repo, "--ref", "HEAD~6", "--", check)
    monkeypatch.setattr("bisect_tool.nightly_run.night.Night._used_up", property(lambda _: True))
    ended = cli("nightly", "--repo", repo, "--", check)
    assert ended.code == 3
    assert "the budget is used up; not run again tonight" in ended.err
    assert "the budget is used up; not run again tonight" in ended.out


def test_failed_watch_does_not_stop_others(cli, repo, check, tmp_path, monkeypatch):
    (tmp_path / "bisect-run.toml").write_text(
        f'repo = "{repo}"\ncommand = ["{check}"]\n[watch.a]\nref = "nowhere"\n[watch.b]\nref = "HEAD~6"\n'
    )
    monkeypatch.chdir(tmp_path)
    ended = cli("nightly")
    assert ended.code == 2
    assert "a: " in ended.err
    assert "nowhere" in ended.err
    assert ended.out.startswith("b at ")


@pytest.fixture
def interrupted(cli, repo, check, home):
    """An interrupted bisection of the watch; `good` is the commit at which it starts."""

    def begin(good, *night):
        cli("nightly", *(night or ("--repo", repo, "--ref", "HEAD~7", "--", check)))
        store = Store(home / "state" / "store.db", lambda _: None)
        (first,) = store.sessions()
        request = Request.model_validate_json(first.request)
        bisecting = request.model_copy(
            update={"mode": Bisect(goods=(good,)), "bad": git(repo, "rev-parse", "HEAD~1")}
        )
        session = store.create(bisecting.model_dump_json())
        store.close()
        return session

    return begin


def test_bisection_that_cannot_be_resumed_is_abandoned(cli, repo, check, interrupted):
    session = interrupted("f" * 40)
    first, second = (cli("nightly", "--repo", repo, "--ref", "HEAD~6", "--", check) for _ in range(2))
    assert f"{session} is not resumed again" in first.err
    assert (second.code, session in second.err) == (0, False)


def test_bisection_of_commits_missing_in_a_rewritten_branch_is_not_resumed(cli, repo, check, interrupted):
    session = interrupted(git(repo, "rev-parse", "HEAD~6"))
    git(repo, "reset", "-q", "--hard", "HEAD~6")
    git(repo, "commit", "-q", "--allow-empty", "-m", "rewritten")
    ended = cli("nightly", "--repo", repo, "--", check)
    assert ended.code == 0
    assert f"{session} belongs to a branch that was abandoned or rewritten" in ended.err
    assert "resuming" not in ended.err


def test_bisection_of_an_outdated_check_is_abandoned(cli, repo, check, interrupted, tmp_path):
    """Such as a command that ended with 128 or more, which was changed."""

    def configured(command):
        path = tmp_path / "bisect-run.toml"
        path.write_text(f'repo = "{repo}"\nref = "HEAD~7"\n[watch.a]\ncommand = {json.dumps(command)}\n')
        return "--config", path

    session = interrupted(git(repo, "rev-parse", "HEAD~6"), *configured([str(check)]))
    changed = configured(["sh", "-c", f"{check} || exit 1"])
    first, second = (cli("nightly", *changed) for _ in range(2))
    assert f"the check of the watch has changed. {session} is not resumed again" in first.err
    assert (first.code, second.code, session in second.err) == (0, 0, False)


def test_resumed_bisection_has_the_remaining_time(cli, repo, check, interrupted, monkeypatch):
    session = interrupted(git(repo, "rev-parse", "HEAD~6"))
    budgets = {}

    def watched(session, store):
        budgets[session.id] = session.budget.minutes
        return finish(session, store)

    monkeypatch.setattr("bisect_tool.cli.run_nights.finish_or_stop", watched)
    night = ("nightly", "--repo", repo, "--ref", "HEAD~6", "--budget-minutes", "7", "--", check)
    assert cli(*night).code == 0
    assert 0 < budgets[session] <= 7


def test_used_budget_postpones_an_interrupted_bisection(cli, repo, check, interrupted, monkeypatch):
    session = interrupted(git(repo, "rev-parse", "HEAD~6"))
    monkeypatch.setattr("bisect_tool.nightly_run.night.Night._used_up", property(lambda _: True))
    ended = cli("nightly", "--repo", repo, "--ref", "HEAD~6", "--", check)
    assert ended.code == 3
    assert f"{session} is not resumed tonight" in ended.err


def test_machine_of_another_profile_is_rejected(cli, repo, check, monkeypatch):
    monkeypatch.setattr("bisect_tool.nightly_run.night.last_profile", lambda *_: "engine-gpu")
    ended = cli("nightly", "--repo", repo, "--", check)
    assert ended.code == 5
    assert "earlier nights ran engine-gpu" in ended.err


def test_undelivered_cause_is_not_new_again(cli, repo, check, monkeypatch):
    """An open cause is remembered; one that is fixed is reported as fixed again."""

    def refuse(*_, **__):
        return DeliveryReport((Outcome(WriteFiles("report", 1), error="the disk is full"),))

    def night(rev):
        ended = cli("nightly", "--repo", repo, "--ref", rev, "--json", "--", check)
        return ended, [each["state"] for each in json.loads(ended.out)["causes"]]

    for back in (7, 6):
        night(f"HEAD~{back}")
    with monkeypatch.context() as patch:
        patch.setattr("bisect_tool.cli.run_nights.deliver", refuse)
        ended, states = night("HEAD~1")
        assert (ended.code, states) == (1, ["new"])
        assert "1 of 1 delivery action failed (see above)." in ended.err
    assert night("HEAD~1")[1] == ["open"]
    (repo / "n").write_text("0")
    git(repo, "commit", "-q", "-a", "-m", "fix")
    with monkeypatch.context() as patch:
        patch.setattr("bisect_tool.cli.run_nights.deliver", refuse)
        ended, states = night("HEAD")
        assert (ended.code, states) == (5, ["fixed"])
    assert night("HEAD")[1] == ["fixed"]


def test_culprit_counts_only_for_commits_in_its_history(cli, repo, check, tmp_path):
    """At an older commit, and in another repository, a cause is neither open nor fixed."""

    def night(repository, rev):
        ended = cli("nightly", "--repo", repository, "--ref", rev, "--json", "--", check)
        return [each["state"] for each in json.loads(ended.out)["causes"]]

    assert [night(repo, rev) for rev in ("HEAD~7", "HEAD~6", "HEAD~1")] == [[], [], ["new"]]
    assert [night(repo, rev) for rev in ("HEAD~5", "HEAD~1")] == [[], ["open"]]
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (other / "n").write_text("9")
    git(other, "add", "n")
    git(other, "commit", "-q", "-m", "broken from the start")
    assert night(other, "HEAD") == []


def test_dry_run_lists_omitted_steps(cli, repo, check, tmp_path):
    ended = cli("nightly", "--repo", repo, "--dry-run", "--", check)
    assert not (tmp_path / "home" / "state").exists()
    assert f"would run the check at {git(repo, 'rev-parse', 'HEAD')[:9]}" in ended.err
    assert "it did not run before" in ended.err
    assert ended.out.endswith("\n\nno cell has a result\n")


def test_signal_at_the_end_of_a_session_ends_the_night(cli, repo, check, monkeypatch):
    def end(session, store, cancel):
        document = run(session, store, cancel)
        os.kill(os.getpid(), signal.SIGTERM)
        return document

    run = run_session._run
    monkeypatch.setattr(run_session, "_run", end)
    assert cli("nightly", "--repo", repo, "--ref", "HEAD~7", "--", check).code == 143
    assert cli("repro", "HEAD~7", "--repo", repo, "--runs", "1", "--", check).code == 0


def test_renamed_watch_of_results_repeats_no_bisection_or_report(  # noqa: PLR0917 - fixtures
    cli, repo, results, check, tmp_path, monkeypatch
):
    commits = results("PPP-FFFF")
    flags = cli("nightly", "--repo", repo, "--results", tmp_path / "runs", "--json", "--", check)
    (cause,) = json.loads(flags.out)["causes"]
    monkeypatch.chdir(tmp_path)
    for name in ("unit", "units"):
        (tmp_path / "bisect-run.toml").write_text(
            f'repo = "{repo}"\n[watch.{name}]\nresults = ["runs"]\ncommand = ["{check}"]\n'
        )
        ended = cli("nightly", "--json")
        document = json.loads(ended.out)
        (again,) = document["causes"]
        assert (ended.code, document["watch"]) == (0, name)
        assert (again["state"], again["fingerprint"], again["session"]) == (
            "open",
            cause["fingerprint"],
            cause["session"],
        )
        (cell,) = (each for each in document["cells"] if each["cell"] == "t::test_a")
        assert (cell["status"], cell["culprit"]) == ("still red", commits[4])
        assert f"{name}: continues the history of " in ended.err


def test_renamed_watch_resumes_its_bisections(cli, repo, check, interrupted, tmp_path):
    def named(name):
        path = tmp_path / "bisect-run.toml"
        path.write_text(f'repo = "{repo}"\nref = "HEAD~7"\n[watch.{name}]\ncommand = ["{check}"]\n')
        return "--config", path

    session = interrupted(git(repo, "rev-parse", "HEAD~6"), *named("a"))
    ended = cli("nightly", *named("b"), "--ref", "HEAD~1")
    assert f"b: resuming {session}" in ended.err
    assert ended.code == 1
    assert session in ended.out


def test_watches_of_one_file_have_separate_causes(cli, repo, check, tmp_path):
    """Also in a run of the other watch only."""
    path = tmp_path / "bisect-run.toml"
    path.write_text(f'repo = "{repo}"\ncommand = ["{check}"]\n[watch.a]\n[watch.b]\n')

    def causes(watch, back):
        ended = cli("nightly", "--config", path, "--watch", watch, "--ref", f"HEAD~{back}", "--json")
        assert "continues the history" not in ended.err
        return [(each["state"], each["fingerprint"]) for each in json.loads(ended.out)["causes"]]

    assert [causes("a", back) for back in (7, 6)] == [[], []]
    ((_, mark),) = causes("a", 1)
    ((state, other),) = causes("b", 1)
    assert (state, other == mark) == ("new", False)
