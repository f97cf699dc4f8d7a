"""Worktrees for trials, one for each slot: reused, cleaned at every checkout, rebuilt if damaged."""

from __future__ import annotations

import logging
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
from bisect_tool.file_lock import first_free
from bisect_tool.git.bare import config, put
from bisect_tool.git.plumbing import CHECKOUT_S, GitFailed
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.git.tree_mtimes import Folders
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.git.plumbing import Git
    from bisect_tool.git.repository import Repository

_log = logging.getLogger("bisect_run.git")
_SUBMODULE = b"160000 "
_REASON_LIMIT = 300
_MOST = 1000
_KEPT_IN_REPOSITORY = ("modules", "lfs")
"""What a trial fetched for submodules and large files: to fetch it for every trial would take long."""


class CheckoutFailed(Exception):
    """The commit cannot be checked out, whatever the machine does: an object is missing, or a path is odd."""


@dataclass(frozen=True)
class Worktrees:
    """The worktrees under one folder.

    Attributes:
        repo: Whose commits are checked out.
        root: The folder; the worktrees of each repository lie in one of their own under it.
        sparse: Files and folders to check out, from the top of the tree; none means everything.
    """

    repo: Repository
    root: Path
    sparse: tuple[str, ...] = ()

    @contextmanager
    def slot(self, number: int) -> Iterator[Worktree]:
        """One worktree for ourselves, for as long as the block lasts: the first free one from `number` on.

        Those that are taken belong to other runs on the same repository, which go on undisturbed.

        Raises:
            EnvironmentFailed: the folder cannot be written.
        """
        folder = self.root.resolve() / self.repo.git_dir.stem
        slots = (SlotFiles(folder / f"slot-{place}") for place in range(number, number + _MOST))
        with first_free(slot.lock for slot in slots) as (lock, held):
            yield Worktree(self.repo, lock.with_suffix(""), self.sparse, held)


@dataclass(frozen=True)
class Worktree:
    """One worktree with a repository of its own on the objects of ours, held under the lease of its slot.

    Of its own, so that what a trial writes with git (refs, settings, submodules) is seen by no other trial.
    """

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
        try:
            if self._is_ours():
                return self._switch(sha)
        except (GitFailed, OSError) as error:  # whatever it is, a fresh worktree does not have it
            _log.warning("%s is made anew: %s", self.path, error)
        try:
            self._make_fresh()
            return self._switch(sha)
        except GitFailed as error:
            if error.hint or not error.refused:
                raise
            raise CheckoutFailed(_cause(error.said)) from error
        except OSError as error:
            raise EnvironmentFailed(f"{self.path} cannot be written: {error}") from error

    def restore(self, sha: str, paths: Iterable[str]) -> None:
        """Put files and folders there as they are at another commit; what those folders lack there goes.

        Nothing is written through a symbolic link: one that is in the way is replaced. Files count that are
        left out of the checkout.

        Raises:
            GitFailed: a path does not exist at that commit.
        """
        git = replace(self.repo.git, git_dir=self._files.git_dir, work_tree=self.path, held=(self.held,))
        how = (f"--source={sha}", "--worktree", "--ignore-skip-worktree-bits")
        git.run("restore", *how, "--", *paths, timeout_s=CHECKOUT_S)

    def added(self) -> set[str]:
        """The paths of what came into the tree since the checkout, as far as its folders show."""
        return self._folders.added()

    def _switch(self, sha: str) -> Path:
        """Clean and check out; the index is our own copy, so that nothing the trial staged or hid counts.

        Its time is copied with it: git reads a file again that is as young as the index.
        """
        self._renew_repository(sha)
        git = replace(self.repo.git, git_dir=self._files.git_dir, work_tree=self.path, held=(self.held,))
        index, kept = self._files.git_dir / "index", self._files.index
        if kept.is_file():
            shutil.copy2(kept, index)
            kept.unlink()
            # The contents of files are compared by the checkout itself.
            if not (self._folders.same() and _is_plain(self._folders.others())):
                _plain(self.path)
                git.run("clean", "-ffdxq", timeout_s=CHECKOUT_S)
                self._empty_submodules(git)
        git.run("checkout", "--quiet", "--force", "--detach", sha, timeout_s=CHECKOUT_S)
        shutil.copy2(index, kept)
        self._folders.look()
        return self.path

    @cached_property
    def _folders(self) -> Folders:
        return Folders(self.path)

    def _empty_submodules(self, git: Git) -> None:
        """Remove files in place of a submodule: git does not track them, and leaves them there."""
        listed = git.run("ls-files", "--stage", "-z").split(b"\0")
        for entry in listed:
            about, _, name = entry.partition(b"\t")
            folder = self.path / os.fsdecode(name)
            if about.startswith(_SUBMODULE) and folder.parent.resolve() == folder.parent and folder.is_dir():
                remove(folder)
                folder.mkdir()

    @property
    def _files(self) -> SlotFiles:
        return SlotFiles(self.path)

    @property
    def _link(self) -> Path:
        return self.path / ".git"

    def _is_ours(self) -> bool:
        """Whether the tree is there, complete and made for the same sparse paths."""
        return (
            self.path.is_dir()
            and not self.path.is_symlink()
            and _text(self._link) == f"gitdir: {self._files.git_dir}\n"
            and _text(self._files.sparse) == self._patterns()
            and self._files.index.is_file()
        )

    def _make_fresh(self) -> None:
        """Replace whatever is there by an empty worktree."""
        for path in self._files.files:
            remove(path)
        self.path.mkdir(parents=True)
        self._link.write_text(f"gitdir: {self._files.git_dir}\n")
        self._files.sparse.write_text(self._patterns())

    def _renew_repository(self, sha: str) -> None:
        """Reset the repository, with `sha` as its HEAD; what a trial wrote there is removed."""
        ours, parts = self._files.git_dir, self.repo.parts
        if ours.is_symlink() or not ours.is_dir():
            remove(ours)
        for name in (path.name for path in (*ours.glob("*"), *ours.glob(".*"))):
            if name not in _KEPT_IN_REPOSITORY or (ours / name).is_symlink():
                remove(ours / name)
        (ours / "refs").mkdir(parents=True)
        (ours / "info").mkdir()
        (ours / "objects").symlink_to(self.repo.git_dir / "objects")
        narrow = "true" if self.sparse else "false"
        sparse = (("core.sparseCheckout", narrow), ("core.sparseCheckoutCone", "false"))
        files = {
            "HEAD": f"{sha}\n".encode(),
            "config": config(parts, ("core.bare", "false"), *sparse),
            "packed-refs": self.repo.refs,
            "shallow": parts.shallow,
            "info/grafts": parts.grafts,
            "info/attributes": parts.attributes,
            "info/sparse-checkout": self._patterns().encode(),
        }
        for name, content in files.items():
            put(ours / name, content)
        for lock in (ours / "modules").rglob("*.lock"):
            lock.unlink(missing_ok=True)

    def _patterns(self) -> str:
        return "".join(f"{pattern}\n" for pattern in patterns(self.sparse))


def _cause(said: str) -> str:
    """The first error in git's words; what follows is its consequence."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "fatal: ", "remote: "))]
    cause = next(iter((*errors, *lines)), "git gave no reason")
    whole = clean_line(re.sub("^(error|fatal|remote): ", "", cause), len(cause) + 1)
    # Git writes its reason at the end, after the name of a path.
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
        EnvironmentFailed: something in it belongs to another user, or it is too deep.
    """
    with suppress(OSError, RecursionError):  # that it is there still is said below
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
