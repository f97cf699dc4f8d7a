"""Only the code that posts sees the write tokens; started programs and readers of logs do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_server import serving
from nightly_repository import broken_in_third

from bisect_tool.ci_results import junit_files
from bisect_tool.trial import command_cell
from bisect_tool.write_tokens import NAMES


@pytest.fixture
def repo(tmp_path):
    return broken_in_third(tmp_path)


@pytest.fixture
def tokens(monkeypatch):
    """The write tokens, set; and the requests to a server, which takes messages and refuses issues."""
    requests = []

    def answer(handler):
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        requests.append((handler.path, handler.headers.get("Authorization", "")))
        handler.send_response(200 if handler.path == "/hook" else 401)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(answer) as url:
        values = {name: f"{name.lower()}-value" for name in NAMES}
        values["BISECT_RUN_SLACK_WEBHOOK"] = f"{url}/hook"
        for name, value in {**values, "GITHUB_API_URL": url}.items():
            monkeypatch.setenv(name, value)
        yield values, requests


@pytest.fixture
def seen(monkeypatch):
    """The environment of each program that is started, and that in which results and logs are read."""
    found = {}
    start = subprocess.Popen.__init__

    def started(self, args, *rest, **options):
        program = Path(os.fsdecode(args if isinstance(args, str | bytes) else args[0])).name
        env = options.get("env")
        found.setdefault(program, []).append(dict(os.environ if env is None else env))
        start(self, args, *rest, **options)

    def spied(module, name):
        function = getattr(module, name)

        def called(*given, **options):
            found.setdefault(name, []).append(dict(os.environ))
            return function(*given, **options)

        monkeypatch.setattr(module, name, called)

    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    spied(junit_files, "read_report")
    spied(command_cell, "explain_log")
    return found


def test_only_posting_code_has_a_write_token(cli, repo, tokens, seen, tmp_path):
    values, requests = tokens
    night = ("--results", tmp_path / "runs", "--github-issues", "my-team/engine", "--slack")
    ended = cli("nightly", "--repo", repo, *night, "--", tmp_path / "check.sh")
    assert ended.code == 1
    assert {"git", "read_report", "explain_log", Path(sys.executable).name} <= seen.keys()
    held = {
        (who, name)
        for who, environments in seen.items()
        for environment in environments
        for name, value in environment.items()
        if name in NAMES or value in values.values()
    }
    assert held == set()
    assert ("/hook", "") in requests
    assert f"Bearer {values['BISECT_RUN_GITHUB_WRITE_TOKEN']}" in {header for _, header in requests}
    assert not any(value in ended.out + ended.err for value in values.values())
    assert all(os.environ[name] == value for name, value in values.items())
