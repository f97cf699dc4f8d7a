"""The environments of a range, compared with the fingerprint of each commit."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace

import pytest

from bisect_tool.build import BuildProfile, fingerprint
from bisect_tool.build.cache import Entry
from bisect_tool.executor.environments import built, environments, own_builds
from bisect_tool.git import Repository

NATIVE = ("csrc", "setup.py")
BUILD = BuildProfile(provider="command", command=(("true",),), native=NATIVE)


def profile(build):
    return SimpleNamespace(build=build)


class Project:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env = kept | who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ("git", *words), cwd=self.path, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, **files):
        for name, text in files.items():
            path = self.path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "some words")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def span(project, tmp_path):
    """A range with a merge, a native file that is added and removed, and one that is restored."""
    good = project.commit(setup_py="1", docs__a="1")
    project.commit(docs__a="2")
    project.git("switch", "-q", "-c", "topic")
    project.commit(csrc__a="1")
    project.commit(docs__b="1")
    project.git("switch", "-q", "main")
    project.commit(setup_py="2")
    project.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    project.git("rm", "-q", "-r", "csrc")
    project.commit()
    project.commit(setup_py="1")
    bad = project.commit(docs__a="3", csrc2__a="1")
    repository = Repository.open(str(project.path), tmp_path / "cache")
    return repository, repository.range((good,), bad)


def test_environments_match_those_of_each_commit(span):
    repository, commits = span
    names = environments(repository, commits, profile(BUILD))
    assert names == {sha: fingerprint(repository, sha, BUILD) for sha in (*commits.goods, *commits.parents)}
    assert len(set(names.values())) == 4


def test_git_is_called_only_where_a_native_file_changes(span, monkeypatch):
    repository, commits = span
    asked = []
    monkeypatch.setattr(
        "bisect_tool.executor.environments.fingerprint", lambda _, sha, _build: asked.append(sha) or sha
    )
    environments(repository, commits, profile(BUILD))
    assert len(asked) == len(set(asked)) == 6  # the good end, and five that change something native


@pytest.mark.parametrize(
    "build", [None, BUILD.model_copy(update={"base": "b"}), BuildProfile(provider="none")]
)
def test_commits_without_their_own_builds(span, build):
    assert environments(*span, profile(build) if build else None) == {}
    assert own_builds(profile(build) if build else None) is None


def test_built_environments(tmp_path):
    entry = Entry.of(tmp_path, "here")
    entry.clear()
    entry.stamp({})
    Entry.of(tmp_path, "half").clear()
    assert built({"a": "here", "b": "half", "c": "nowhere", "d": "here"}, tmp_path) == {"here"}
