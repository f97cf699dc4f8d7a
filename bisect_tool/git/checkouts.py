"""Find other checkouts of the same project (linked worktrees, separate clones) that hold given folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.git.plumbing import Git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def other_checkouts(folders: Iterable[Path], own: Path, commits: Iterable[str]) -> tuple[Path, ...]:
    """Return the roots of the other checkouts that contain a folder and have one of these commits."""
    named = tuple(commits)
    tops = dict.fromkeys(top for folder in folders if (top := _top(folder.resolve())) is not None)
    return tuple(top for top in tops if top != own.resolve() and _has_any(top, named))


def _top(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _has_any(top: Path, commits: Iterable[str]) -> bool:
    git = Git(folder=top, personal=True)
    return any(git.succeeds("cat-file", "-e", f"{sha}^{{commit}}") for sha in commits)
