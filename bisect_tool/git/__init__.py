"""Git: commit ranges, worktrees, changed paths, pull-request numbers, and commits made from edits."""

from bisect_tool.git.changes import Changes
from bisect_tool.git.commit import Commit
from bisect_tool.git.plumbing import GitFailed
from bisect_tool.git.range import Range
from bisect_tool.git.repository import Repository
from bisect_tool.git.worktree import CheckoutFailed, Worktree, Worktrees

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
