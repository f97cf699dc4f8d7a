"""A repository of numbered commits for tests of `nightly`, with a check and a JUnit report of each commit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHECK = "#!/bin/sh\ntest $(cat n) -lt 2 || { echo 'RuntimeError: broken' >&2; exit 1; }\n"
_REPORT = (
    '<testsuites><testsuite name="gpu"><testcase classname="t" name="test_a">%s</testcase>'
    "</testsuite></testsuites>"
)


def git(repo: Path, *arguments: str) -> str:
    command = ("git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b", *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def numbered_commits(repo: Path, number: int) -> Iterator[str]:
    """Make a repository whose commits write their number to the file `n`; yields each id."""
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for each in range(number):
        (repo / "n").write_text(str(each))
        git(repo, "add", "n")
        git(repo, "commit", "-q", "-m", f"change {each}")
        yield git(repo, "rev-parse", "HEAD")


def broken_in_third(folder: Path) -> Path:
    """Make `repo`, its `check.sh` and `runs/COMMIT/junit.xml`: two of seven commits pass. Returns `repo`."""
    for number, commit in enumerate(numbered_commits(folder / "repo", 7)):
        outcome = '<failure message="RuntimeError: no"/>' if number > 1 else ""
        run = folder / "runs" / commit
        run.mkdir(parents=True)
        (run / "junit.xml").write_text(_REPORT % outcome)
    (folder / "check.sh").write_text(_CHECK)
    (folder / "check.sh").chmod(0o755)
    return folder / "repo"
