"""Real repositories, made by git itself with fixed dates."""

from __future__ import annotations

import os
import subprocess

import pytest

from bisect_tool.history.repository import Repository


class Project:
    """A checkout of its own, with commits that differ by one file."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self._clock = 1_700_000_000
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        stamp = f"{self._clock} +0000"
        env = kept | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A Writer",
            "GIT_AUTHOR_EMAIL": "writer@example.invalid",
            "GIT_COMMITTER_NAME": "A Writer",
            "GIT_COMMITTER_EMAIL": "writer@example.invalid",
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_DATE": stamp,
        }
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout

    def write(self, files):
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)

    def commit(self, subject, files=None):
        self._clock += 60
        self.write(files if files is not None else {"file.txt": f"{subject}\n"})
        self.git("add", "-A", "--force")
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", subject)
        return self.head()

    def head(self):
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def opened(project, tmp_path):
    return lambda: Repository.open(str(project.path), tmp_path / "cache")
