"""The requests of a watch: what a bisection of a second failure, or a repeated one, is run with."""

import subprocess

import pytest

from bisect_tool.ci_results.observation import CellKey
from bisect_tool.nightly_rules.decision import Bisect, KnownTrials
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_run.requests import bisection, with_observations
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.resolve_mode import span_of
from bisect_tool.options.watches import Watch
from bisect_tool.paths import Home
from bisect_tool.request import Request

KEY = CellKey("w", "command")


@pytest.fixture
def repo(tmp_path):
    repo = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for _ in range(2):
        commit(repo)
    return repo


def commit(repo):
    git = ("git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "change"], check=True)


def request_of(repo, tmp_path, wanted, trials=()):
    watch = Watch("w", NightlyOptions(repo=str(repo), command=("true",)))
    resolved = bisection(watch, wanted, None, Home(tmp_path / "state", tmp_path / "cache"), lambda _: None)
    return with_observations(resolved, trials).request


def test_bisection_without_a_good_end_searches_one(repo, tmp_path):
    known = KnownTrials(CellKey("w", "command", "", "check"), "f" * 40, 0, 3)
    request = request_of(repo, tmp_path, Bisect(Reason.NEVER_GREEN, "", "HEAD", (KEY,), "", ()), [known])
    assert (request.mode.command, request.goods) == ("walk", ())
    assert [(each.commit, each.failed) for each in request.mode.observations] == [("f" * 40, 3)]


def test_search_for_a_good_end_has_a_limit(repo, tmp_path, monkeypatch):
    """Also when it is resumed: the limit is part of what is stored."""
    monkeypatch.setattr("bisect_tool.nightly_run.requests.WALK_LIMIT", 3)
    for _ in range(6):
        commit(repo)
    watch = Watch("w", NightlyOptions(repo=str(repo), command=("true",)))
    wanted = Bisect(Reason.NEVER_GREEN, "", "HEAD", (KEY,), "", ())
    resolved = bisection(watch, wanted, None, Home(tmp_path / "state", tmp_path / "cache"), lambda _: None)
    commits = resolved.repository.first_parents(resolved.request.bad, 4)
    stored = Request.model_validate_json(resolved.request.model_dump_json())
    for span in resolved.range, span_of(stored, resolved.repository):
        assert [each.sha for each in span.commits] == list(commits)


@pytest.mark.parametrize(
    ("reason", "fresh", "same_failure"),
    [
        (Reason.REGRESSION, False, False),
        (Reason.REPEATED, True, False),
        (Reason.OTHER_REGRESSION, True, True),
    ],
)
def test_reason_of_a_bisection_decides_what_counts(repo, tmp_path, reason, fresh, same_failure):
    request = request_of(repo, tmp_path, Bisect(reason, "HEAD~1", "HEAD", (KEY,), "OSError", ()))
    assert (request.fresh, request.mode.same_failure) == (fresh, same_failure)
    assert request.watched.exception == "OSError"
