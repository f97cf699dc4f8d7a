"""`bisect-run nightly` on JUnit XML files of a small repository."""

import json
import subprocess

import pytest


def git(repo, *words):
    command = ("git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b", *words)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repo(tmp_path):
    repo = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for number in range(7):
        git(repo, "commit", "-q", "--allow-empty", "-m", f"change {number}")
    return repo


@pytest.fixture
def results(repo, tmp_path):
    """Writes the outcome of two tests at each commit, a day apart; the second one always passes."""
    commits = git(repo, "rev-list", "--reverse", "HEAD").split()

    def write(outcomes):
        for day, (commit, outcome) in enumerate(zip(commits, outcomes, strict=False), 1):
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


def test_new_regression_is_bisected(cli, repo, results, tmp_path):
    commits = results("PPPFFFF")
    pattern = tmp_path / "runs" / "*" / "junit.xml"
    ended = cli("nightly", "--repo", repo, "--results", pattern, "--dry-run", "--json")
    assert (ended.code, ended.err) == (1, "")
    first, second = json.loads(ended.out)["cells"]
    assert (first["cell"], first["decision"], first["reason"]) == ("t::test_a", "bisect", "regression")
    assert (first["good"], first["bad"], first["exception"]) == (commits[2], commits[3], "RuntimeError")
    assert (second["cell"], second["reason"]) == ("t::test_b", "green")


def test_nothing_new_ends_with_0(cli, repo, results, tmp_path):
    results("PPPPFPP")
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "runs", "--dry-run")
    assert ended.code == 0
    assert ended.out.endswith("1 cell of 2 passes\n")
    assert "nothing: passed again" in ended.out


def test_without_dry_run_it_says_what_to_add(cli, repo, tmp_path):
    ended = cli("nightly", "--repo", repo, "--results", tmp_path)
    assert ended.code == 2
    assert "Add --dry-run" in ended.err


def test_results_that_do_not_exist_are_a_usage_error(cli, repo, tmp_path):
    ended = cli("nightly", "--repo", repo, "--results", tmp_path / "none", "--dry-run")
    assert ended.code == 2
    assert "no file matches" in ended.err
