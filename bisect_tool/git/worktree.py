"""Worktrees for trials, one for each slot: reused, cleaned at every checkout, rebuilt if damaged."""

from __future__ import annotations

import logging
import os
import posixpath
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
from bisect_tool.git.bare_repository import alternate, config, make_folder, write_if_changed
from bisect_tool.git.plumbing import CHECKOUT_S, GitFailed
from bisect_tool.git.slot_files import SlotFiles
from bisect_tool.git.tree_mtimes import Folders
from bisect_tool.paths import discard
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
"""Downloads of trials for submodules and large files, kept for later trials."""


class CheckoutFailed(Exception):
    """The commit cannot be checked out on any machine: an object is missing, or a path is invalid."""


@dataclass(frozen=True)
class Worktrees:
    """The worktrees under one folder.

    Attributes:
        repo: The repository of the commits.
        root: The folder; each repository has a subfolder for its worktrees.
        sparse: Files and folders to check out, relative to the root of the tree; empty for everything.
    """

    repo: Repository
    root: Path
    sparse: tuple[str, ...] = ()

    @contextmanager
    def slot(self, number: int) -> Iterator[Worktree]:
        """Lock a worktree until the block ends: the first free one from `number` on.

        Others are in use by other runs on the same repository.

        Raises:
            EnvironmentFailed: the folder cannot be written.
        """
        folder = self.root.resolve() / self.repo.git_dir.stem
        if folder.is_symlink():  # planted by a trial
            folder.unlink()
        slots = (SlotFiles(folder / f"slot-{place}") for place in range(number, number + _MOST))
        with first_free(slot.lock for slot in slots) as (lock, held):
            yield Worktree(self.repo, lock.with_suffix(""), self.sparse, held)


@dataclass(frozen=True)
class Worktree:
    """One worktree, held under the lease of its slot, with a repository of its own that shares our objects.

    So git writes of a trial (refs, settings, submodules) are invisible to other trials.
    """

    repo: Repository
    path: Path
    sparse: tuple[str, ...]
    held: int

    def checkout(self, sha: str) -> Path:
        """Check out a commit, and remove everything that the last trial left.

        Raises:
            CheckoutFailed: git cannot check out the commit in a new worktree either.
            EnvironmentFailed: the disk, the network or git itself failed, or the repository is gone.
        """
        try:
            if self._is_ours() and not self._changes_attributes(sha):
                return self._switch(sha)
        except (GitFailed, OSError) as error:  # whatever it is, a fresh worktree does not have it
            _log.warning("recreating %s: %s", self.path, error)
        try:
            self._make_fresh()
            return self._switch(sha)
        except GitFailed as error:
            if error.hint or not error.refused:
                raise
            self.repo.check_has(sha)
            raise CheckoutFailed(_cause(error.output)) from error
        except OSError as error:
            raise EnvironmentFailed(
                f"{self.path} cannot be written: {error}", "Check its disk space and permissions."
            ) from error

    def restore(self, sha: str, paths: Iterable[str]) -> None:
        """Restore files and folders from another commit; other files in those folders are removed.

        Symbolic links in the way are replaced, not followed. Files outside the sparse checkout are included.

        Raises:
            GitFailed: a path does not exist at that commit.
        """
        how = (f"--source={sha}", "--worktree", "--ignore-skip-worktree-bits")
        self._git.run("restore", *how, "--", *paths, timeout_s=CHECKOUT_S)

    def added(self) -> set[str]:
        """Return the paths added to the tree since the checkout, as far as its folders show."""
        return self._folders.added()

    def _switch(self, sha: str) -> Path:
        """Clean and check out, with our own copy of the index, which the trial cannot change.

        The copy keeps its timestamp: git rereads files that are as new as the index.
        """
        self._renew_repository(sha)
        git, index, kept = self._git, self._files.git_dir / "index", self._files.index
        if kept.is_file():
            shutil.copy2(kept, index)
            kept.unlink()
            # The contents of files are compared by the checkout itself.
            if not (self._folders.same() and _is_plain(self._folders.others())):
                _repair(self.path)
                git.run("clean", "-ffdxq", timeout_s=CHECKOUT_S)
                self._empty_submodules(git)
        git.run("checkout", "--quiet", "--force", "--detach", sha, timeout_s=CHECKOUT_S)
        shutil.copy2(index, kept)
        self._folders.snapshot()
        return self.path

    @property
    def _git(self) -> Git:
        """Git on the worktree; objects that a partial clone lacks are fetched into ours, for later trials."""
        return replace(
            self.repo.git,
            git_dir=self._files.git_dir,
            work_tree=self.path,
            held=(self.held,),
            environment=(("GIT_OBJECT_DIRECTORY", str(self.repo.git_dir / "objects")),),
        )

    @cached_property
    def _folders(self) -> Folders:
        return Folders(self.path)

    def _empty_submodules(self, git: Git) -> None:
        """Empty the folders of submodules, which git does not clean."""
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
        """A link, not the file of a linked worktree: many checks look at `.git` as a folder."""
        return self.path / ".git"

    def _is_ours(self) -> bool:
        """Whether the tree exists, is complete, and has the same sparse paths."""
        return (
            self.path.is_dir()
            and not self.path.is_symlink()
            and self._link.is_symlink()
            and self._link.readlink() == self._files.git_dir
            and _text(self._files.sparse) == self._patterns()
            and self._files.index.is_file()
        )

    def _changes_attributes(self, sha: str) -> bool:
        """Whether a commit has other attributes than the last one; git keeps files with its line endings."""
        git = replace(self.repo.git, environment=(("GIT_INDEX_FILE", str(self._files.index)),))
        changed = git.run("diff-index", "--cached", "--name-only", "-z", sha).split(b"\0")
        return any(posixpath.basename(path) == b".gitattributes" for path in changed)

    def _make_fresh(self) -> None:
        """Replace the worktree by an empty one."""
        for path in self._files.files:
            remove(path)
        make_folder(self.path.parent)
        self.path.mkdir()
        self._link.symlink_to(self._files.git_dir)
        self._files.sparse.write_text(self._patterns())

    def _renew_repository(self, sha: str) -> None:
        """Reset the repository, with `sha` as its HEAD, removing what a trial wrote there."""
        ours, parts = self._files.git_dir, self.repo.parts
        if ours.is_symlink() or not ours.is_dir():
            remove(ours)
        for name in (path.name for path in (*ours.glob("*"), *ours.glob(".*"))):
            if name not in _KEPT_IN_REPOSITORY or (ours / name).is_symlink():
                remove(ours / name)
        (ours / "refs").mkdir(parents=True)
        (ours / "info").mkdir()
        self._share_objects()
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
            write_if_changed(ours / name, content)
        for lock in (ours / "modules").rglob("*.lock"):
            lock.unlink(missing_ok=True)

    def _share_objects(self) -> None:
        """Make our objects readable to the trial's repository; what it writes is its own.

        They are not a link: git refuses to clone from one, as checks do with their own tree.
        """
        info = self._files.git_dir / "objects" / "info"
        info.mkdir(parents=True)
        (info / "alternates").write_bytes(alternate(self.repo.git_dir / "objects"))

    def _patterns(self) -> str:
        return "".join(f"{pattern}\n" for pattern in patterns(self.sparse))


def _cause(stderr: str) -> str:
    """Return the first error in git's output; the others follow from it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
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
    """Return non-cone sparse-checkout patterns for files and folders relative to the root of the tree."""
    return tuple(f"/{_literal(path.strip('/'))}" for path in paths)


def _literal(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path)


def _text(path: Path) -> str:
    """Return the text of a regular file; empty for anything else."""
    return path.read_text(errors="replace") if path.is_file() and not path.is_symlink() else ""


def _repair(tree: Path) -> None:
    """Repair what git ignores: sockets, pipes and devices, permissions, hard links."""
    mask = _umask()
    folders = [str(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(about.st_mode):
                    _chmod(entry.path, about.st_mode, 0o777 & ~mask)
                    folders.append(entry.path)
                elif not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                    Path(entry.path).unlink()
                else:
                    _chmod(entry.path, about.st_mode, (0o777 if about.st_mode & 0o100 else 0o666) & ~mask)


def _is_plain(files: Iterable[str]) -> bool:
    """Whether none of these files needs repair."""
    mask = _umask()
    usual = {stat.S_IFREG | mode & ~mask for mode in (0o666, 0o777)}
    kinds = {(about.st_mode, about.st_nlink) for about in map(os.lstat, files)}
    return all(stat.S_ISLNK(mode) or (mode in usual and names == 1) for mode, names in kinds)


def _umask() -> int:
    """Return the umask, read from /proc: setting it would affect other threads."""
    status = Path("/proc/self/status").read_bytes()
    return int(status.partition(b"\nUmask:")[2].split()[0], 8)


def _chmod(path: str, mode: int, wanted: int) -> None:
    if stat.S_IMODE(mode) & 0o777 != wanted:
        Path(path).chmod(wanted)


def remove(path: Path) -> None:
    """Remove a tree of a hostile trial, with links and read-only folders.

    Raises:
        EnvironmentFailed: a file belongs to another user, or the tree is too deep.
    """
    with suppress(OSError, RecursionError):  # a remaining folder is reported below
        if path.is_dir() and not path.is_symlink():
            _open_folders(path)
        discard(path)
    if path.is_symlink() or path.exists():
        raise EnvironmentFailed(f"{path} cannot be removed", "Remove it by hand, then resume.")


def _open_folders(tree: Path) -> None:
    """Make every folder writable: a trial may have made some read-only, as package caches do."""
    tree.chmod(stat.S_IRWXU)
    for folder, names, _ in os.walk(tree):
        for name in names:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(stat.S_IRWXU)
