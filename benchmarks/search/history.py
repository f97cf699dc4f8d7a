"""Made-up histories, as parents by number and as repositories."""

from __future__ import annotations

import os
import subprocess
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NUMBER_FILE = "number"
OWN = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "benchmark",
    "GIT_AUTHOR_EMAIL": "benchmark@localhost",
    "GIT_COMMITTER_NAME": "benchmark",
    "GIT_COMMITTER_EMAIL": "benchmark@localhost",
}
"""The settings git runs under: nobody's own."""
_OPEN = 20
"""Branches that are worked on at the same time, at most."""


def linear(commits: int) -> Iterator[tuple[int, ...]]:
    """The parents of each commit, ancestors first: none for the first, the one before for every other."""
    yield ()
    yield from ((number,) for number in range(commits - 1))


def merged(commits: int, seed: int = 1) -> Iterator[tuple[int, ...]]:
    """A mainline with up to 20 branches open beside it, each of which is merged in the end.

    About a fifth of the commits are merges, and the last commit descends from all others.
    """
    draw = Random(seed)  # noqa: S311 (repeatable, no secret)
    tip = 0
    branches: list[int] = []
    yield ()
    for number in range(1, commits):
        closing = commits - number <= len(branches)
        choice = 0.0 if closing else draw.random()
        if branches and choice < 0.2:
            yield (tip, branches.pop(draw.randrange(len(branches))))
            tip = number
        elif branches and choice < 0.6:
            grown = draw.randrange(len(branches))
            yield (branches[grown],)
            branches[grown] = number
        elif choice < 0.8 and len(branches) < _OPEN and commits - number > len(branches) + 1:
            yield (tip,)
            branches.append(number)
        else:
            yield (tip,)
            tip = number


def repository(folder: Path, parents: Iterable[tuple[int, ...]], *, numbered: bool) -> None:
    """Import a history into a new repository, its last commit as `main`; a number is a file in its commit."""
    git(folder.parent, "init", "--quiet", "--template=", "--initial-branch=main", str(folder))
    command = ("git", "-C", str(folder), "fast-import", "--quiet")
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **OWN}) as importer:
        assert importer.stdin is not None
        for number, each in enumerate(parents):
            importer.stdin.write(_commit(number, each, numbered=numbered))
    if importer.returncode:
        raise subprocess.CalledProcessError(importer.returncode, command)


def git(folder: Path, *arguments: str) -> str:
    """The output of one git command in a folder; raises CalledProcessError where it fails."""
    return subprocess.run(
        ("git", "-C", str(folder), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **OWN},
        text=True,
        check=True,
    ).stdout


def _commit(number: int, parents: tuple[int, ...], *, numbered: bool) -> bytes:
    lines = [
        "commit refs/heads/main",
        f"mark :{number + 1}",
        f"committer benchmark <benchmark@localhost> {1_600_000_000 + 60 * number} +0000",
        "data 0",
        *(f"{word} :{parent + 1}" for word, parent in zip(("from", "merge"), parents, strict=False)),
    ]
    if numbered:
        lines += [f"M 100644 inline {NUMBER_FILE}", f"data {len(str(number))}", str(number)]
    return "\n".join((*lines, "", "")).encode()
