"""Repositories behind a URL: cloned once, blobless where the server can, with no secret kept."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import subprocess
import threading

import pytest
from real_projects import contents

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git import Repository, Worktrees
from bisect_tool.git.clone import is_url, without_account


@pytest.fixture
def served(project):
    """A project with two commits, and its URL; the server sends parts of a history when asked."""
    first = project.commit("first", {"src/a": "1", "docs/image": "large 1"})
    second = project.commit("second", {"src/a": "2", "docs/image": "large 2"})
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return f"file://{project.path}", first, second


def has(repository, name):
    """Whether an object exists locally; no protocol is allowed, so that it is not fetched by the question."""
    command = ["git", f"--git-dir={repository.git_dir}", "cat-file", "-e", name]
    env = os.environ | {"GIT_ALLOW_PROTOCOL": "none"}
    return subprocess.run(command, env=env, check=False, capture_output=True).returncode == 0


def test_only_the_files_that_are_checked_out_are_fetched(served, tmp_path):
    url, first, second = served
    repository = Repository.open(url, tmp_path / "cache")
    assert [commit.sha for commit in repository.range([first], "main").commits] == [second]
    assert repository.changed_paths(second) == ("docs/image", "src/a")
    with Worktrees(repository, tmp_path / "trees", ("src",)).slot(0) as tree:
        for sha, content in ((first, "1"), (second, "2")):
            assert contents(tree.checkout(sha)) == {"src/a": content}
            assert has(repository, f"{sha}:src/a")
            assert not has(repository, f"{sha}:docs/image")
    assert repository.file(first, "docs/image") == b"large 1"


def test_server_without_partial_clones_works(served, project, tmp_path):
    url, first, _ = served
    project.git("config", "uploadpack.allowFilter", "false")
    repository = Repository.open(url, tmp_path / "cache")
    assert has(repository, f"{first}:docs/image")
    with Worktrees(repository, tmp_path / "trees").slot(0) as tree:
        assert contents(tree.checkout(first)) == {"src/a": "1", "docs/image": "large 1"}


def test_cloned_once_and_fetched_only_for_names(served, project, tmp_path):
    url, _, second = served
    Repository.open(url, tmp_path / "cache")
    third = project.commit("third", {"src/a": "3"})
    repository = Repository.open(url, tmp_path / "cache")
    assert repository.resolve("main") == third
    assert repository.resolve("HEAD") == third
    project.path.rename(tmp_path / "gone")
    again = Repository.open(url, tmp_path / "cache")
    assert again.resolve(second) == second
    with pytest.raises(EnvironmentFailed):
        again.resolve("main")


def test_rewritten_or_removed_branch(served, project, tmp_path):
    url, first, _ = served
    project.git("branch", "side")
    Repository.open(url, tmp_path / "cache")
    project.git("reset", "-q", "--hard", first)
    project.git("branch", "-D", "side")
    repository = Repository.open(url, tmp_path / "cache")
    assert repository.resolve("main") == first
    with pytest.raises(UsageError, match="side"):
        repository.resolve("side")


def test_failed_clone_leaves_no_usable_clone(served, project, tmp_path):
    url, _, second = served
    project.path.rename(tmp_path / "later")
    with pytest.raises(EnvironmentFailed):
        Repository.open(url, tmp_path / "cache")
    (tmp_path / "later").rename(project.path)
    assert Repository.open(url, tmp_path / "cache").resolve("main") == second


@pytest.mark.parametrize("place", ["", "objects", "objects/pack", "refs"])
def test_emptied_clone_is_cloned_again(served, tmp_path, place):
    url, first, second = served
    repository = Repository.open(url, tmp_path / "cache")
    shutil.rmtree(repository.git_dir / place)
    if place != "refs":
        with pytest.raises(EnvironmentFailed, match="was removed while it was in use"):
            repository.changed_paths(second)
    again = Repository.open(url, tmp_path / "cache")
    assert [commit.sha for commit in again.range([first], "main").commits] == [second]


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "refs/heads/main"])
def test_damaged_clone_is_restored(served, tmp_path, name):
    url, first, second = served
    git_dir = Repository.open(url, tmp_path / "cache").git_dir
    (git_dir / name).write_bytes(b"\0no ref at all")
    again = Repository.open(url, tmp_path / "cache")
    assert [commit.sha for commit in again.range([first], "main").commits] == [second]


def test_locks_of_a_killed_fetch_do_not_block_the_next(served, project, tmp_path):
    url, *_ = served
    ours = Repository.open(url, tmp_path / "cache").git_dir
    for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"):
        (ours / name).touch()
    third = project.commit("third")
    assert Repository.open(url, tmp_path / "cache").resolve("main") == third


def test_missing_objects_of_a_blobless_checkout_are_fetched(served, project, tmp_path):
    """Missing objects of a blobless clone go to the tool's repository, and the clone stays unchanged."""
    url, first, _ = served
    blobless = tmp_path / "blobless"
    project.git("clone", "-q", "--bare", "--filter=blob:none", url, str(blobless))
    repository = Repository.open(str(blobless), tmp_path / "cache")
    before = sorted(blobless.rglob("*"))
    with Worktrees(repository, tmp_path / "trees", ("src",)).slot(0) as tree:
        assert contents(tree.checkout(first)) == {"src/a": "1"}
    assert not has(repository, f"{first}:docs/image")
    assert sorted(blobless.rglob("*")) == before


def test_trial_can_clone_and_prune_a_partial_clone(served, project, tmp_path):
    """What its checkout fetches stays in our objects; what it writes is its own."""
    url, first, second = served
    blobless = tmp_path / "blobless"
    project.git("clone", "-q", "--bare", "--filter=blob:none", url, str(blobless))
    repository = Repository.open(str(blobless), tmp_path / "cache")
    with Worktrees(repository, tmp_path / "trees").slot(0) as tree:
        path = tree.checkout(first)
        project.git("-C", str(path), "clone", "-q", ".", "inner")
        project.git("-C", str(path), "gc", "-q", "--prune=now")
        assert has(repository, f"{first}:src/a")
        project.git("-C", str(path), "cat-file", "-e", f"{second}:src/a")
        assert not has(repository, f"{second}:src/a")


class Guarded(http.server.BaseHTTPRequestHandler):
    """Git's HTTP backend behind an account."""

    account = "user:s3cret-token"
    root = ""

    def answer(self):
        expected = "Basic " + base64.b64encode(self.account.encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=x")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        asked = {
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        response = subprocess.run(
            ["git", "http-backend"], env=os.environ | asked, input=body, check=True, capture_output=True
        )
        head, _, rest = response.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.end_headers()
        self.wfile.write(rest)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_):
        """Quietly."""


@pytest.fixture
def guarded(served, project, tmp_path):
    """The address of a server that asks for an account, and the last commit of what it serves."""
    handler = type("Handler", (Guarded,), {"root": str(tmp_path)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}/{project.path.name}", served[2]
        server.shutdown()
        thread.join()


def test_token_in_the_url_is_used_and_never_stored(guarded, tmp_path):
    address, sha = guarded
    cache = tmp_path / "cache"
    repository = Repository.open(f"http://{Guarded.account}@{address}", cache)
    assert repository.resolve("main") == sha
    with Worktrees(repository, cache / "trees").slot(0) as tree:
        assert contents(tree.checkout(sha)) == {"src/a": "2", "docs/image": "large 2"}
    kept = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    assert address.encode() in kept
    assert b"s3cret" not in kept
    assert "s3cret" not in "".join(map(str, cache.rglob("*")))


@pytest.mark.parametrize("way", ["environment", "configuration"])
def test_askpass_program_of_the_user_supplies_the_token(guarded, tmp_path, monkeypatch, way):
    address, sha = guarded
    user, _, token = Guarded.account.partition(":")
    program = tmp_path / "ask"
    program.write_text(f"#!/bin/sh\ncase $1 in User*) echo {user};; *) echo {token};; esac\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    if way == "environment":
        monkeypatch.setenv("GIT_ASKPASS", str(program))
    else:
        monkeypatch.delenv("GIT_ASKPASS", raising=False)
        (tmp_path / ".gitconfig").write_text(f"[core]\naskPass = {program}\n")
    assert Repository.open(f"http://{address}", tmp_path / "cache").resolve("main") == sha


def test_settings_of_the_current_repository_do_not_apply_to_another(guarded, project, tmp_path, monkeypatch):
    """An untrusted checkout configures how servers are reached; another repository is named by its URL."""
    address, sha = guarded
    mark = tmp_path / "mark"
    elsewhere = tmp_path / "elsewhere"
    project.git("init", "-q", str(elsewhere))
    for name, value in {
        "core.sshCommand": f"touch {mark}; false",
        "core.askPass": f"touch {mark}; false",
        "credential.helper": f"!touch {mark}; false",
        "http.proxy": "http://127.0.0.1:1",
        f"url.http://127.0.0.1:1/{project.path.name}.insteadOf": f"http://{address}",
    }.items():
        project.git("-C", str(elsewhere), "config", name, value)
    monkeypatch.chdir(elsewhere)
    url = f"http://{Guarded.account}@{address}"
    assert Repository.open(url, tmp_path / "cache").resolve("main") == sha
    with pytest.raises(EnvironmentFailed):
        Repository.open("ssh://nobody@localhost:1/x", tmp_path / "cache")
    assert not mark.exists()


def test_reading_a_checkout_never_fetches_with_its_settings(served, project, tmp_path):
    """A missing commit is looked up in a partial clone, which would request it from its server."""
    mark = tmp_path / "mark"
    partial = tmp_path / "partial"
    project.git("clone", "-q", "--filter=blob:none", served[0], str(partial))
    project.git("-C", str(partial), "config", "remote.origin.url", "ssh://localhost/x")
    project.git("-C", str(partial), "config", "core.sshCommand", f"touch {mark}; false")
    with pytest.raises(UsageError):
        Repository.open(str(partial), tmp_path / "cache").resolve("1" * 40)
    assert not mark.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_served_repository_of_another_user_needs_safe_directory(served, project, tmp_path, monkeypatch):
    url, _, second = served
    for path in (project.path, *project.path.rglob("*")):
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="does not trust") as caught:
        Repository.open(url, tmp_path / "cache")
    assert caught.value.hint.endswith(f"git config --global --add safe.directory {project.path}")
    (tmp_path / ".gitconfig").write_text(f"[safe]\ndirectory = {project.path}\n")
    assert Repository.open(url, tmp_path / "cache").resolve("main") == second


def test_without_the_token_there_is_no_prompt(guarded, tmp_path):
    with pytest.raises(EnvironmentFailed) as caught:
        Repository.open(f"http://user:wr0ng-token@{guarded[0]}", tmp_path / "cache")
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ("https://example.invalid/a/b.git", True),
        ("ssh://git@example.invalid/a", True),
        ("git@example.invalid:a/b.git", True),
        ("file:///srv/a", True),
        ("/srv/a", False),
        ("../a", False),
        (".", False),
        ("C:odd", False),
        ("odd@name/with:colon", False),
    ],
)
def test_urls(spec, url):
    assert is_url(spec) is url


@pytest.mark.parametrize("spec", ["ext::sh -c 'id'", "fd::17", "transport::http://x"])
def test_urls_that_run_programs_are_rejected(spec):
    with pytest.raises(UsageError):
        is_url(spec)


def test_accounts_are_removed():
    assert without_account("https://user:pass@host/a@b") == "https://host/a@b"
    assert without_account("https://host/a@b") == "https://host/a@b"
