"""Check out the pinned tests over a commit's tree, so that every commit runs the same tests."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.checks import Check
    from bisect_tool.git import Repository, Worktree

_CONFTEST = "conftest.py"


def pin(check: Check, repository: Repository, worktree: Worktree) -> None:
    """Check out the tests of a check from the commit that they are pinned to, if they are pinned."""
    sha = check.pinned_to
    if sha is not None:
        conftests = _conftests(check, sha, repository) if check.pins_conftest else ()
        worktree.restore(sha, (*check.pinned_paths, *conftests))


def _conftests(check: Check, sha: str, repository: Repository) -> Sequence[str]:
    """Return the conftest.py files in the folders of the tests and their parents."""
    folders = (folder for path in check.pinned_paths for folder in PurePosixPath(path).parents)
    return tuple(repository.tree_hashes(sha, dict.fromkeys(str(folder / _CONFTEST) for folder in folders)))
