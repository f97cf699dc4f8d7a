"""Real repositories, made by git itself with fixed dates."""

from __future__ import annotations

import os
import subprocess
import time

import psutil


class Project:
    """A checkout with its own repository; commits differ by one file by default."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self._clock = 1_700_000_000
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, **variables):
        """The output of a git command that must succeed."""
        done = self._run(arguments, variables)
        done.check_returncode()
        return done.stdout.decode("utf-8", "surrogateescape")

    def git_output(self, *arguments):
        """The output of a git command, whatever its exit code."""
        return self._run(arguments, {}).stdout.decode("utf-8", "surrogateescape")

    def _run(self, arguments, variables):
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
        return subprocess.run(command, env=env | variables, check=False, capture_output=True, timeout=60)

    def write(self, files):
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)

    def commit(self, subject, files=None, **variables):
        self._clock += 60
        self.write(files if files is not None else {"file.txt": f"{subject}\n"})
        self.git("add", "-A", "--force")
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", subject, **variables)
        return self.head()

    def merge(self, *branches, subject="merge"):
        self._clock += 60
        self.git("merge", "-q", "--no-ff", "-s", "ours", "-m", subject, *branches)
        return self.head()

    def head(self):
        return self.git("rev-parse", "HEAD").strip()

    def snapshot(self):
        """Every file of the checkout and of its git directory, with content and time."""
        return {
            str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
            for path in self.path.rglob("*")
        }


def contents(tree):
    """The files of a tree by their path, without git's own."""
    return {
        str(path.relative_to(tree)): path.read_text()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def ended(pid, within_s=60):
    """Whether a process ends in time; an unreaped zombie has ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
