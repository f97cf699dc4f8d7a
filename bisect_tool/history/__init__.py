"""Git: ranges on the DAG, worktrees, changed paths, pull-request numbers."""

from bisect_tool.history.changes import Changes
from bisect_tool.history.commit import Commit
from bisect_tool.history.plumbing import GitFailed
from bisect_tool.history.range import Range
from bisect_tool.history.repository import Repository
from bisect_tool.history.worktree import CheckoutFailed, Worktree, Worktrees

__all__ = [
    "Changes",
    "CheckoutFailed",
    "Commit",
    "GitFailed",
    "Range",
    "Repository",
    "Worktree",
    "Worktrees",
]
