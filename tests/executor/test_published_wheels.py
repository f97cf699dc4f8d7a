"""The wheel of each commit of a range, with a real history and a local server."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace

import pytest
from made_wheels import make_wheel
from wheel_server import serving_wheels

from bisect_tool.build import BuildProfile
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.environments import environments
from bisect_tool.executor.published_wheels import published
from bisect_tool.git import Repository
from bisect_tool.mode import Bisect
from bisect_tool.session.wheel_downloads import downloads


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("bisect_tool.wheels.client.pause", lambda _: None)
    with serving_wheels() as found:
        yield found


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Seven commits, of which the fifth changes a native file; the range starts after the second."""
    folder = tmp_path_factory.mktemp("engine")
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}

    def git(*words):
        done = subprocess.run(
            ("git", *words), cwd=folder, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    shas = []
    for number in range(7):
        (folder / "docs").write_text(str(number))
        (folder / "csrc").write_text("old" if number < 4 else "new")
        git("add", "-A")
        git("commit", "-q", "-m", "change")
        shas.append(git("rev-parse", "HEAD"))
    repository = Repository.open(str(folder), tmp_path_factory.mktemp("clones"))
    return repository, repository.range((shas[1],), shas[6]), shas


@pytest.fixture
def profile(server):
    wheels = {"url": server.url, "package": "engine"}
    return SimpleNamespace(build=BuildProfile(provider="source", native=("csrc",), commit_wheels=wheels))


@pytest.fixture
def publish(server, tmp_path):
    wheel = make_wheel(tmp_path, "engine", "1.0", {"engine/_C.so": ""})
    return lambda sha: server.publish(sha, wheel)


def session_of(history, profile):
    """A bisection of the range."""
    repository, span, _ = history
    request, config = SimpleNamespace(mode=Bisect(goods=span.goods)), SimpleNamespace(profile=profile)
    return SimpleNamespace(repository=repository, range=span, request=request, config=config)


@pytest.mark.parametrize(
    ("having", "used"),
    [
        ((), {}),
        ((3, 5), {3: 3, 5: 5, 6: 5}),  # not those before, and not across the native change
        ((0, 4), {1: 0, 2: 0, 3: 0, 4: 4, 5: 4, 6: 4}),  # one before the range serves it as well
        ((1, 2, 6), {1: 1, 2: 2, 3: 2, 6: 6}),
    ],
)
def test_own_wheel_else_nearest_ancestor(publish, history, profile, having, used):
    repository, span, shas = history
    for number in having:
        publish(shas[number])
    names = environments(repository, span, profile)
    found = published(repository, span, profile, names)
    numbers = {shas.index(sha): shas.index(wheel.sha) for sha, wheel in found.items()}
    assert numbers == used


def test_failing_server_is_infrastructure_and_a_note_of_the_search(server, history, profile):
    repository, span, shas = history
    server.faults[f"/{shas[3]}/engine/metadata.json"] = [500] * 9
    names = environments(repository, span, profile)
    with pytest.raises(EnvironmentFailed, match="HTTP 500"):
        published(repository, span, profile, names)
    session, noted = session_of(history, profile), []
    server.faults[f"/{shas[3]}/engine/metadata.json"] = [500] * 9
    assert downloads(session, names, noted.append) == frozenset()
    assert "cannot determine which commits have a wheel" in noted[0]


@pytest.mark.parametrize(
    ("having", "notes"),
    [((), ["no commit of the range has a wheel: all are built from source"]), ((3,), [])],
)
def test_range_without_a_wheel_is_noted(publish, history, profile, having, notes):
    repository, span, shas = history
    for number in having:
        publish(shas[number])
    noted = []
    downloads(session_of(history, profile), environments(repository, span, profile), noted.append)
    assert noted == notes


@pytest.mark.parametrize("build", [None, BuildProfile(provider="none")])
def test_no_request_without_commit_wheels(server, history, build):
    repository, span, _ = history
    assert published(repository, span, SimpleNamespace(build=build) if build else None, {}) == {}
    assert server.seen == []
