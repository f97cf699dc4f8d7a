"""Make a commit in the cached repository: a base with commits reverted, patches applied and commits picked.

The same base and edits give the same commit on every machine: the identity is fixed, the date is the base's,
and hooks, attributes and configuration of the user are ignored. In the user's repository, git may update the
timestamps of existing objects; nothing else there is changed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bisect_tool.git.plumbing import CHECKOUT_S, GitFailed
from bisect_tool.git.worktree import Worktrees
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.git.plumbing import Git
    from bisect_tool.git.repository import Repository

_WHO = "bisect-run <bisect-run@localhost>"
_NO_FILES = (".bisect-run-checks-out-no-files",)
"""Sparse pattern without a match: git merges in the index, and writes only the files that conflict."""
NOTHING_CHANGED = "changes nothing"
"""The reason why there is no commit: the edits do not change the base."""


class EditKind(StrEnum):
    """The kind of an edit."""

    REVERT = "revert"
    APPLY = "apply"
    PICK = "pick"


@dataclass(frozen=True)
class Edit:
    """One change of the base: a commit (full name) to revert or pick, or a patch to apply."""

    kind: EditKind
    sha: str = ""
    patch: bytes = b""


@dataclass(frozen=True)
class EditResult:
    """The commit; without a `sha`, the edits do not apply: `conflicts` are the files, `why` the reason."""

    sha: str = ""
    conflicts: tuple[str, ...] = ()
    why: str = ""


def apply_edits(repository: Repository, base: str, edits: Sequence[Edit], title: str) -> EditResult:
    """Make the commit `base` plus `edits`, in their order; `title` is its subject.

    Raises:
        EnvironmentFailed: git failed, other than by a conflict.
    """
    trees = Worktrees(repository, repository.git_dir.parent / "grafts", _NO_FILES)
    with trees.slot(0) as worktree:
        git = replace(
            repository.git,
            git_dir=None,
            folder=worktree.checkout(base),
            held=(worktree.held,),
            environment=(("GIT_OBJECT_DIRECTORY", str(repository.git_dir / "objects")),),
        )
        # With the trees in the index, git does not read unchanged files, some of which may be absent.
        git.run("read-tree", "-m", "-u", base, timeout_s=CHECKOUT_S)
        for edit in edits:
            failure = _apply(git, edit) if edit.kind is EditKind.APPLY else _merge(git, edit)
            if failure is not None:
                return failure
        tree = git.text("write-tree").strip()
        if tree == git.text("rev-parse", f"{base}^{{tree}}").strip():
            return EditResult(why=NOTHING_CHANGED)
        return EditResult(_commit(git, tree, base, title))


def _merge(git: Git, edit: Edit) -> EditResult | None:
    """Revert or pick in the index; for a merge, its changes to the mainline."""
    several = len(git.text("rev-list", "--parents", "--no-walk", edit.sha).split()) > 2
    mainline = ("-m", "1") if several else ()
    command = "revert" if edit.kind is EditKind.REVERT else "cherry-pick"
    try:
        git.run(command, "--no-commit", *mainline, edit.sha, timeout_s=CHECKOUT_S)
    except GitFailed:
        conflicts = _conflicts(git)
        if not conflicts:
            raise
        return EditResult(conflicts=conflicts, why="conflicts")
    return None


def _apply(git: Git, edit: Edit) -> EditResult | None:
    try:
        git.run("apply", "--3way", "--cached", "-", stdin=edit.patch, timeout_s=CHECKOUT_S)
    except GitFailed as error:
        conflicts = _conflicts(git)
        if error.hint and not conflicts:
            raise
        errors = [line for line in error.output.splitlines() if line.startswith("error: ")]
        last = (errors or [error.output])[-1].removeprefix("error: ")
        why = "conflicts" if conflicts else clean_line(last, 200)
        return EditResult(conflicts=conflicts, why=why)
    return None


def _conflicts(git: Git) -> tuple[str, ...]:
    """The files that git could not merge, cleaned."""
    with suppress(GitFailed):
        entries = git.run("ls-files", "--unmerged", "-z").split(b"\0")
        names = (entry.partition(b"\t")[2].decode("utf-8", "replace") for entry in entries if entry)
        return tuple(dict.fromkeys(clean_line(name) for name in names))
    return ()


def _commit(git: Git, tree: str, base: str, title: str) -> str:
    stamp = f"{_WHO} {git.text('log', '-1', '--format=%ct', base).strip()} +0000"
    text = f"tree {tree}\nparent {base}\nauthor {stamp}\ncommitter {stamp}\n\n{clean_line(title)}\n"
    return git.text("hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip()
