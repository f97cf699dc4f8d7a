"""Worktrees of our own, one per slot: reused, clean at every checkout, rebuilt when anything is wrong."""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.history.bare import drop_stale_locks, restore_settings
from bisect_tool.history.folders import Folders
from bisect_tool.history.lease import lease
from bisect_tool.history.plumbing import CHECKOUT_S, GitFailed
from bisect_tool.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.history.plumbing import Git
    from bisect_tool.history.repository import Repository

_SLOT_WAIT_S = 20.0
_SUBMODULE = b"160000 "
_REASON_LIMIT = 300


class CheckoutFailed(Exception):
    """The commit cannot be checked out, whatever the machine does: an object is missing, or a path is odd."""


@dataclass(frozen=True)
class Worktrees:
    """The worktrees under one folder.

    Attributes:
        repo: Whose commits are checked out.
        root: The folder; the worktrees of each repository lie in one of their own under it.
        sparse: Files and folders to check out, from the top of the tree; none means everything.
        wait_s: How long to wait for a slot that is taken.
    """

    repo: Repository
    root: Path
    sparse: tuple[str, ...] = ()
    wait_s: float = _SLOT_WAIT_S

    @contextmanager
    def slot(self, number: int) -> Iterator[Worktree]:
        """One worktree for ourselves, for as long as the block lasts.

        Raises:
            EnvironmentFailed: another run is using it.
        """
        tree = self.root.resolve() / self.repo.git_dir.stem / f"slot-{number}"
        busy = f"another run is using the worktree {tree}"
        with lease(tree.with_suffix(".lock"), self.wait_s, busy) as held:
            yield Worktree(self.repo, tree, self.sparse, held)


@dataclass(frozen=True)
class Worktree:
    """One worktree, held under the lease of its slot."""

    repo: Repository
    path: Path
    sparse: tuple[str, ...]
    held: int

    def checkout(self, sha: str) -> Path:
        """Put exactly the files of a commit there, and nothing of what was left by the last trial.

        Raises:
            CheckoutFailed: git refused the commit on a fresh worktree as well.
            EnvironmentFailed: the disk, the network or git itself failed there.
        """
        restore_settings(self.repo.git_dir)
        with suppress(GitFailed, OSError):  # whatever it is, a fresh worktree does not have it
            admin = self._admin()
            if admin is not None and self._is_ours(admin):
                return self._switch(admin, sha)
        try:
            return self._switch(self._add(sha), sha)
        except GitFailed as error:
            if error.hint or not error.refused:
                raise
            raise CheckoutFailed(_cause(error.said)) from error
        except OSError as error:
            raise EnvironmentFailed(f"{self.path} cannot be written: {error}") from error

    def added(self) -> set[str]:
        """The paths of what came into the tree since the checkout, as far as its folders tell."""
        return self._folders.added()

    def _switch(self, admin: Path, sha: str) -> Path:
        """Clean and check out; the index is our own copy, so that nothing the trial staged or hid counts.

        Its time is copied with it: git reads a file again that is as young as the index.
        """
        git = replace(self.repo.git, git_dir=admin, work_tree=self.path, held=(self.held,))
        for name in ("index.lock", "HEAD.lock"):
            (admin / name).unlink(missing_ok=True)
        kept = self._kept
        if kept.is_file():
            shutil.copy2(kept, admin / "index")
            kept.unlink()
            # The contents of files are compared by the checkout itself.
            if not (self._folders.same() and _is_plain(self._folders.others())):
                _plain(self.path)
                git.run("clean", "-ffdxq", timeout_s=CHECKOUT_S)
                self._empty_submodules(git)
        git.run("checkout", "--quiet", "--force", "--detach", sha, timeout_s=CHECKOUT_S)
        shutil.copy2(admin / "index", kept)
        self._folders.look()
        return self.path

    @cached_property
    def _folders(self) -> Folders:
        return Folders(self.path)

    def _empty_submodules(self, git: Git) -> None:
        """What was put where a submodule belongs is no file of ours to git, which leaves it there."""
        listed = git.run("ls-files", "--stage", "-z").split(b"\0")
        for entry in listed:
            about, _, name = entry.partition(b"\t")
            folder = self.path / os.fsdecode(name)
            if about.startswith(_SUBMODULE) and folder.parent.resolve() == folder.parent and folder.is_dir():
                remove(folder)
                folder.mkdir()

    def _admin(self) -> Path | None:
        """Git's folder for this worktree, by our repository's word: the tree can have been altered."""
        return next(
            (folder for folder in self._admins() if _text(folder / "gitdir") == f"{self._link}\n"), None
        )

    def _admins(self) -> list[Path]:
        return [folder for folder in (self.repo.git_dir / "worktrees").glob("*") if folder.is_dir()]

    @property
    def _kept(self) -> Path:
        """Our copy of the index, which only exists while the tree is complete."""
        return self.path.with_suffix(".index")

    @property
    def _link(self) -> Path:
        return self.path / ".git"

    def _is_ours(self, admin: Path) -> bool:
        """Whether the tree is there, complete and made for the same sparse paths."""
        return (
            self.path.is_dir()
            and not self.path.is_symlink()
            and not (admin / "locked").exists()
            and _text(self._link) == f"gitdir: {admin}\n"
            and _text(admin / "info" / "sparse-checkout") == self._patterns()
            and _text(admin / "config.worktree") == self._settings()
            and self._kept.is_file()
        )

    def _add(self, sha: str) -> Path:
        """A new worktree in place of whatever is there."""
        with self.repo.lock() as held:
            git = replace(self.repo.git, held=(self.held, held))
            drop_stale_locks(self.repo.git_dir)
            remove(self.path)
            self._kept.unlink(missing_ok=True)
            # Nobody else adds one while we hold the lock, so a nameless entry is what a killed `add` left.
            for folder in self._admins():
                if _text(folder / "gitdir") in ("", f"{self._link}\n"):
                    remove(folder)
            git.run("worktree", "add", "--no-checkout", "--detach", str(self.path), sha)
            admin = self._admin()
            if admin is None:
                raise EnvironmentFailed(f"git did not register the worktree {self.path}")
            (admin / "info").mkdir(exist_ok=True)
            (admin / "info" / "sparse-checkout").write_text(self._patterns())
            (admin / "config.worktree").write_text(self._settings())
        return admin

    def _settings(self) -> str:
        narrow = "true" if self.sparse else "false"
        return f"[core]\n\tsparseCheckout = {narrow}\n\tsparseCheckoutCone = false\n"

    def _patterns(self) -> str:
        return "".join(f"{pattern}\n" for pattern in patterns(self.sparse))


def _cause(said: str) -> str:
    """The first error in git's words; what follows is its consequence."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "fatal: ", "remote: "))]
    cause = next(iter((*errors, *lines)), "git gave no reason")
    whole = clean_line(re.sub("^(error|fatal|remote): ", "", cause), len(cause) + 1)
    # Git's reason stands at the end, after the name of a path.
    return (
        whole
        if len(whole) <= _REASON_LIMIT
        else f"{whole[: _REASON_LIMIT // 2]}…{whole[-_REASON_LIMIT // 2 :]}"
    )


def patterns(paths: Iterable[str]) -> tuple[str, ...]:
    """Sparse-checkout patterns, not in cone mode, of files and folders named from the top of the tree."""
    return tuple(f"/{_literal(path.strip('/'))}" for path in paths)


def _literal(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path)


def _text(path: Path) -> str:
    """The text of a plain file; empty for anything else."""
    return path.read_text(errors="replace") if path.is_file() and not path.is_symlink() else ""


def _plain(tree: Path) -> None:
    """Put right what git does not look at: sockets, pipes and devices, permissions, other names of a file."""
    mask = _umask()
    folders = [str(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(about.st_mode):
                    _let(entry.path, about.st_mode, 0o777 & ~mask)
                    folders.append(entry.path)
                elif not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                    Path(entry.path).unlink()
                else:
                    _let(entry.path, about.st_mode, (0o777 if about.st_mode & 0o100 else 0o666) & ~mask)


def _is_plain(files: Iterable[str]) -> bool:
    """Whether there is nothing to put right in these, which are no folders."""
    mask = _umask()
    usual = {stat.S_IFREG | mode & ~mask for mode in (0o666, 0o777)}
    kinds = {(about.st_mode, about.st_nlink) for about in map(os.lstat, files)}
    return all(stat.S_ISLNK(mode) or (mode in usual and names == 1) for mode, names in kinds)


def _umask() -> int:
    """The permissions that new files lack: read, and not set, because other threads make files, too."""
    status = Path("/proc/self/status").read_bytes()
    return int(status.partition(b"\nUmask:")[2].split()[0], 8)


def _let(path: str, mode: int, wanted: int) -> None:
    if stat.S_IMODE(mode) & 0o777 != wanted:
        Path(path).chmod(wanted)


def remove(path: Path) -> None:
    """Remove a tree that a hostile trial may have left: links, and folders that cannot be written.

    Raises:
        EnvironmentFailed: something in it belongs to somebody else, or it is too deep.
    """
    with suppress(OSError, RecursionError):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            _open_folders(path)
            shutil.rmtree(path, ignore_errors=True)
    if path.is_symlink() or path.exists():
        raise EnvironmentFailed(f"{path} cannot be removed", "remove it by hand, then resume")


def _open_folders(tree: Path) -> None:
    """Let us into every folder: a trial may have closed some, as package caches do."""
    tree.chmod(stat.S_IRWXU)
    for folder, names, _ in os.walk(tree):
        for name in names:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(stat.S_IRWXU)
