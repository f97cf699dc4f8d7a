"""A dry run of `nightly` prints what a night would, and leaves nothing on the disk."""

import tempfile

import pytest
from nightly_repository import broken_in_third, git

from bisect_tool.ci_results.download_cache import DownloadCache
from bisect_tool.ci_results.etag_cache import CachedAnswer, EtagCache
from bisect_tool.cli.dry_home import dry_home
from bisect_tool.paths import Home
from bisect_tool.session.store import Store


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def repo(tmp_path):
    path = broken_in_third(tmp_path)
    git(path, "config", "uploadpack.allowFilter", "true")
    return path


def contents(folder):
    """Every path below a folder, with its time and content."""
    return {
        path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (folder, *folder.rglob("*"))
        if folder.exists()
    }


def test_missing_home_is_not_created(cli, repo, home, temporary, tmp_path):
    night = ("--results", tmp_path / "runs", "--out", tmp_path / "out", "--", tmp_path / "check.sh")
    ended = cli("nightly", "--repo", repo, "--dry-run", *night)
    assert ended.code == 1
    assert "Bisect " in ended.out
    assert (contents(home), contents(tmp_path / "out"), list(temporary.iterdir())) == ({}, {}, [])


def test_known_results_are_read_and_unchanged(cli, repo, home, temporary, tmp_path):
    night = ("--results", tmp_path / "runs", "--", tmp_path / "check.sh")
    assert cli("nightly", "--repo", repo, *night).code == 1
    before = contents(home)
    ended = cli("nightly", "--repo", repo, "--dry-run", *night)
    assert (ended.code, "Open: " in ended.out) == (0, True)
    assert contents(home) == before
    assert list(temporary.iterdir()) == []


def test_repository_of_a_server_is_cloned_only_for_the_dry_run(cli, repo, home, temporary, tmp_path):
    url = f"file://{repo}"
    night = ("--results", tmp_path / "runs", "--", tmp_path / "check.sh")
    ended = cli("nightly", "--repo", url, "--dry-run", *night)
    assert ended.code == 1
    assert "cloning into a temporary directory, because a dry run keeps nothing" in ended.err
    assert (contents(home), list(temporary.iterdir())) == ({}, [])
    cli("repro", "HEAD", "--repo", url, "--runs", "1", "--", "true")
    before = contents(home)
    ended = cli("nightly", "--repo", url, "--dry-run", *night)
    assert (ended.code, "cloning" in ended.err) == (1, False)
    assert contents(home) == before


@pytest.fixture
def real(tmp_path):
    return Home(tmp_path / "real" / "state", tmp_path / "real" / "cache")


def test_cached_answers_of_ci_services_are_read_and_new_ones_not_kept(real, temporary):
    old, new = (CachedAnswer(url, "e", [url], "") for url in ("old", "new"))
    EtagCache(real.cache / "ci" / "answers").put(old)
    DownloadCache(real.cache / "ci" / "downloads").read("log", lambda _: b"text")
    before = contents(real.cache)
    with dry_home(real, print) as (used, _):
        answers = EtagCache(used.cache / "ci" / "answers")
        changed = CachedAnswer("old", "f", [], "")
        assert answers.get("old") == old
        answers.put(new)
        answers.put(changed)
        assert (answers.get("new"), answers.get("old")) == (new, changed)
        assert DownloadCache(used.cache / "ci" / "downloads").read("log", lambda _: b"") == b"text"
    assert contents(real.cache) == before


def test_changes_of_a_running_session_are_read(real, temporary):
    running = Store(real.store)
    session = running.create("{}")
    with dry_home(real, print) as (_, copy):
        assert [each.id for each in copy.sessions()] == [session]
        copy.create("{}")
    assert [each.id for each in running.sessions()] == [session]
