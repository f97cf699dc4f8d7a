"""The tests of one commit in the tree of another: the same ones everywhere."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bisect_tool.request import ProjectCheck, PytestCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.git import Repository, Worktree
    from bisect_tool.request import Check

_CONFTEST = "conftest.py"


def pin(check: Check, repository: Repository, worktree: Worktree) -> None:
    """Put the tests there that a check takes from a commit of its own, if it does."""
    if isinstance(check, PytestCheck) and check.tests_from:
        worktree.restore(check.tests_from, (check.file,))
    if isinstance(check, ProjectCheck) and check.tests_from:
        worktree.restore(check.tests_from, (*check.paths, *_conftests(check, check.tests_from, repository)))


def _conftests(check: ProjectCheck, sha: str, repository: Repository) -> Sequence[str]:
    """The conftest.py files beside and above the tests: they are written for each other."""
    folders = (folder for path in check.paths for folder in PurePosixPath(path).parents)
    return tuple(repository.tree_hashes(sha, dict.fromkeys(str(folder / _CONFTEST) for folder in folders)))
