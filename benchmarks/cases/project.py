"""A scratch repository with fixed dates, and calls of bisect-run in it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_DEADLINE_S = 600


@dataclass
class Project:
    """A repository in `path`, with its own home folder for bisect-run.

    The file `code` of a commit has the exit code of the check.
    """

    path: Path
    home: Path
    program: str
    commits: int = 0

    @classmethod
    def create(cls, folder: Path, program: str) -> Project:
        """An empty repository in a new folder."""
        project = cls(folder / "repository", folder / "home", program)
        project.path.mkdir(parents=True)
        project.git("init", "--quiet", "--initial-branch=main")
        return project

    def at(self, path: Path) -> Project:
        """The same home folder, with the repository at another path."""
        return Project(path, self.home, self.program, self.commits)

    def git(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """The output of git, without the last line break."""
        stamp = f"{1_767_225_600 + 60 * self.commits} +0000"
        own = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp, **_identity(), **environment}
        done = subprocess.run(
            ("git", "-C", str(self.path), *arguments),
            env={**_without_git(), **own},
            check=check,
            capture_output=True,
            timeout=_DEADLINE_S,
        )
        return done.stdout.decode("utf-8", "replace").rstrip("\n")

    def write(self, files: dict[str, str]) -> None:
        """Write files, executable where they begin with `#!`."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o755 if text.startswith("#!") else 0o644)

    def commit(self, code: int, subject: str = "", files: dict[str, str] | None = None) -> str:
        """Commit `code` and these files; returns the commit's id."""
        self.commits += 1
        self.write({"code": f"{code}\n", "number": f"{self.commits}\n", **(files or {})})
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject or f"commit {self.commits} is {code}")
        return self.head

    def series(self, *codes: int) -> list[str]:
        """One commit for each code, oldest first."""
        return [self.commit(code) for code in codes]

    @property
    def head(self) -> str:
        """The id of the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def script(self, text: str, name: str = "check.sh") -> str:
        """An executable script beside the repository; returns its path."""
        file = self.path.parent / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
        return str(file)

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], within: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run bisect-run in the repository, or in a folder within it."""
        return subprocess.run(
            (self.program, *arguments),
            cwd=self.path / within,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_DEADLINE_S,
        )

    def started(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        """Start bisect-run in the repository; its lines can be read from stderr."""
        return subprocess.Popen(
            (self.program, *arguments),
            cwd=self.path,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def _environment(self) -> dict[str, str]:
        own = {"BISECT_RUN_HOME": str(self.home), "COLUMNS": "110", "NO_COLOR": "1"}
        return {**_without_git(), **own}


def _without_git() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Submodules of a case are folders of this machine, which git reads only where that is allowed.
    allowed = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    return {**kept, **allowed}


def _identity() -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": "A U Thor",
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_COMMITTER_NAME": "A U Thor",
        "GIT_COMMITTER_EMAIL": "author@example.com",
    }
