"""Read a project's history without writing to the user's repository."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.file_lock import lease
from bisect_tool.git import alternates, clone
from bisect_tool.git.bare_repository import Parts, write
from bisect_tool.git.changes import Changes, changes
from bisect_tool.git.commit import FORMAT, Commit, read_commits
from bisect_tool.git.origin import origin_url
from bisect_tool.git.plumbing import Git, GitFailed, version
from bisect_tool.git.range import DEEPEN, Range, check_ends
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

_FULL = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HEX = re.compile(r"[0-9a-fA-F]{4,64}")
_LOCK_WAIT_S = 600.0
_MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master", "HEAD")
_MENTIONS = 200


class Replacement(NamedTuple):
    """A path that a commit changes, with mode and object name before and after."""

    path: str
    before: str
    after: str


def ignore(_: str) -> None:
    """Ignore what is waited for."""


@dataclass(frozen=True)
class Repository:
    """One repository of the user, and our bare one that reads its objects.

    Attributes:
        spec: The checkout, bare repository or URL as it was given.
        git_dir: Our own bare repository in the cache.
        source: The user's git directory, which has their refs; None for a clone.
        parts: The contents of our repository, and of every worktree's.
        on_wait: Called with a sentence about what another run holds.
    """

    spec: str
    git_dir: Path
    source: Path | None = None
    parts: Parts = field(default_factory=Parts, compare=False, repr=False)
    on_wait: Callable[[str], None] = field(default=ignore, compare=False, repr=False)

    @classmethod
    def open(cls, spec: str, cache: Path, on_wait: Callable[[str], None] = ignore) -> Self:
        """Open a checkout, a bare repository or a URL; the last is cloned into the cache once.

        Raises:
            UsageError: `spec` is not a repository.
            EnvironmentFailed: its server cannot be reached, or git is not installed.
        """
        version()
        if clone.is_url(spec):
            ours, parts = clone.clone(spec, cache, on_wait)
            return cls(spec, ours, None, parts, on_wait)
        source = alternates.find(spec)
        ours, parts = alternates.open_shared(source, cache, on_wait)
        return cls(spec, ours, source, parts, on_wait)

    @property
    def git(self) -> Git:
        """Git on our own repository, restored first: a trial may have written to it.

        Raises:
            EnvironmentFailed: it cannot be written, or a clone has lost its objects.
        """
        write(self.git_dir, self.parts)
        if self.parts.refs is None and not any((self.git_dir / "objects" / "pack").iterdir()):
            raise EnvironmentFailed(
                f"the clone {self.git_dir} was removed while it was in use", "Resume to clone it again."
            )
        return self._git

    @cached_property
    def _git(self) -> Git:
        """Git on our own repository; it may use the network only for a partial clone."""
        git = Git(git_dir=self.git_dir)
        if not self.parts.is_partial:
            return git
        return replace(git, config=clone.connection("" if self.source else self.spec, self.source))

    @cached_property
    def checkout(self) -> Path | None:
        """The root of the user's checkout; None for a bare repository or a URL."""
        return alternates.checkout_at(self.spec) if self.source is not None else None

    @cached_property
    def location(self) -> str:
        """The checkout or bare repository that contains `spec`; for a URL, itself without an account."""
        if self.source is None:
            return clone.without_account(self.spec)
        return str(self.checkout or self.source)

    @cached_property
    def refs(self) -> bytes:
        """Branches, tags and replacements, as in packed-refs."""
        if self.parts.refs is not None:
            return self.parts.refs
        return self.git.run("for-each-ref", "--format=%(objectname) %(refname)")

    def lock(self) -> AbstractContextManager[int]:
        """Return the lock for fetching into this repository, shared with other runs.

        Raises:
            EnvironmentFailed: another run has held it for ten minutes.
        """
        busy = f"another run is fetching {clone.without_account(self.spec)}"
        return lease(self.git_dir.with_suffix(".lock"), _LOCK_WAIT_S, busy, self.on_wait)

    def resolve(self, ref: str) -> str:
        """Return the full name of the commit of a ref, tag, or abbreviated name.

        A name is never parsed as an option, even if it begins with a dash.

        Raises:
            UsageError: there is no such commit.
        """
        if _FULL.fullmatch(ref) and self._has(ref):
            return ref
        if self.source is not None:
            found = self._lookup(Git(git_dir=self.source, personal=True), ref)
        else:
            found = self._lookup(self._fetched, ref)
        if found is None:
            raise UsageError(f"there is no commit {clean_line(ref)!r} in {self.spec}", self._advice(ref))
        self._known.add(found)
        return found

    def commit(self, sha: str) -> Commit:
        """Return a commit by its full name.

        Raises:
            UsageError: there is no such commit.
        """
        if not _FULL.fullmatch(sha) or not self._has(sha):
            raise UsageError(f"there is no commit {clean_line(sha)!r} in {self.spec}", self._advice(sha))
        if sha not in self._commits:
            self._commits[sha] = next(self._log("--no-walk", sha))
        return self._commits[sha]

    def check_has(self, sha: str) -> None:
        """Check that a commit that was found is still there.

        Raises:
            EnvironmentFailed: the repository was removed, or the objects that its refs do not hold.
        """
        if self._lookup(self.git, sha) is None:
            place = self.source or self.git_dir
            raise EnvironmentFailed(
                f"commit {sha[:12]} is no longer in {place}",
                "Restore the repository or the commit, then resume.",
            )

    def main_head(self) -> str:
        """Return the full name of the newest commit of the main branch.

        Raises:
            UsageError: there is none.
        """
        for name in _MAIN_BRANCHES:
            try:
                return self.resolve(name)
            except UsageError:  # another repository calls it otherwise
                continue
        raise UsageError(f"{self.spec} has no main branch", "Name a clone of the project with --repo.")

    def by_pull_request(self, number: int, sha: str) -> Commit | None:
        """Return the newest commit of a pull request among the first parents of `sha`, or None.

        It is identified by its subject; at most `_MENTIONS` commits that mention the number are read.
        """
        named = (f"--grep=(#{number})", f"--grep=Merge pull request #{number} from ")
        words = ("--fixed-strings", *named, f"--max-count={_MENTIONS}")
        commits = self._log("--first-parent", *words, sha)
        return next((commit for commit in commits if commit.pr == number), None)

    def range(self, goods: Sequence[str], bad: str, first_parent: bool = False) -> Range:
        """Return the commits to search: ancestors of `bad` (any name) that are not ancestors of a good end.

        Raises:
            UsageError: a commit does not exist, or there is no range between the ends.
        """
        good_shas = tuple(dict.fromkeys(self.resolve(good) for good in goods))
        bad_sha = self.resolve(bad)
        if not good_shas:
            check_ends(self.git, good_shas, bad_sha, self.cuts)
        mainline = ("--first-parent",) if first_parent else ()
        walk = ("--topo-order", "--reverse", *mainline, bad_sha, "--not", *good_shas)
        span = Range(good_shas, bad_sha, tuple(self._log(*walk)), first_parent)
        # A good end that is a candidate's parent is an ancestor of the bad one; of any other, git has to say.
        if not set(good_shas) <= set(span.boundary):
            check_ends(self.git, good_shas, bad_sha, self.cuts)
        self._known.update(commit.sha for commit in span.commits)
        self._commits.update((commit.sha, commit) for commit in span.commits)
        return span

    def first_parents(self, sha: str, limit: int) -> tuple[str, ...]:
        """Return the full names of a commit and of up to `limit` first parents, oldest first."""
        walk = ("rev-list", "--first-parent", "--reverse", f"--max-count={limit}", sha)
        return tuple(self.git.run(*walk).decode().split())

    def committed(self, sha: str) -> float:
        """Return the commit time, in seconds since the epoch; 0 if it is unreadable."""
        return float(self.git.text("log", "--no-walk", "--format=%ct", sha).strip() or 0)

    def changed_paths(self, sha: str) -> tuple[str, ...]:
        """Return the paths a commit changes against its first parent; for a root commit, all paths."""
        return self.changed_by([sha])[sha]

    def changed_by(self, shas: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the changed paths of many commits in one call. Only trees are read, so no file is fetched.

        A commit with missing trees has no known changes.
        """
        return {sha: tuple(file.path for file in each) for sha, each in self.replaced_by(shas).items()}

    def replaced_by(self, shas: Iterable[str]) -> dict[str, tuple[Replacement, ...]]:
        """As `changed_by`, with the object names of each path before and after the commit."""
        wanted = tuple(shas)
        try:
            return self._replaced(wanted)
        except GitFailed as error:
            if error.hint or not error.refused:
                raise
        return {sha: found for each in wanted for sha, found in self._replaced_if_there(each).items()}

    def _replaced_if_there(self, sha: str) -> dict[str, tuple[Replacement, ...]]:
        try:
            return self._replaced((sha,))
        except GitFailed as error:
            if error.hint or not error.refused:
                raise
            return {sha: ()}

    def _replaced(self, shas: Sequence[str]) -> dict[str, tuple[Replacement, ...]]:
        if not shas:
            return {}
        wanted = "".join(f"{sha}\n" for sha in shas)
        walk = ("--no-walk=unsorted", "--stdin", "-m", "--first-parent", "--root")
        listing = ("--raw", "-r", "--no-renames", "--no-abbrev", "-z", "--format=tformat:%H")
        output = self.git.run("log", *walk, *listing, stdin=wanted.encode())
        return _replacements(output.decode("utf-8", "surrogateescape"))

    def changes(self, sha: str, *, of_merge: bool = False) -> Changes:
        """Return the files and requirements that a commit changes; `of_merge`: against every parent."""
        return changes(self.git, sha, self.commit(sha).parents, of_merge=of_merge)

    @cached_property
    def origin(self) -> str:
        """The public URL, without account; empty without one."""
        return origin_url(self.spec, self.source)

    def same_tree(self, sha: str, other: str, paths: Iterable[str]) -> bool:
        """Whether two commits have the same files at `paths`; without paths, the same tree."""
        if asked := tuple(paths):
            return self.tree_hashes(sha, asked) == self.tree_hashes(other, asked)
        # From the commits alone: a tree may be missing.
        return len(set(self.git.lines("log", "--no-walk", "--format=%T", sha, other))) == 1

    def tree_hashes(self, sha: str, paths: Iterable[str]) -> dict[str, str]:
        """Return the object names of files and folders at a commit: equal names mean equal contents.

        Paths that do not exist there are left out. `sha` is the full name of the commit.

        Raises:
            UsageError: a path is outside the tree.
        """
        asked = {_inside(path): path for path in paths}
        if not asked:
            return {}
        key = (sha, *asked)
        if key not in self._trees:
            self._trees[key] = self._hashes(sha, asked)
        return {asked[path]: name for path, name in self._trees[key].items()}

    def _hashes(self, sha: str, paths: Iterable[str]) -> dict[str, str]:
        output = self.git.run("ls-tree", "-z", "--full-tree", sha, "--", *paths)
        entries = filter(None, output.decode("utf-8", "surrogateescape").split("\0"))
        parted = (entry.partition("\t") for entry in entries)
        return {path: about.split()[2] for about, _, path in parted}

    def ever_had(self, path: str) -> bool:
        """Whether any commit of a branch or tag has changed this path; slow in a large history."""
        if path.startswith("../"):
            return False
        return bool(self.git.text("log", "-1", "--all", "--format=%H", "--", path).strip())

    def files(self, sha: str, path: str = ".") -> dict[str, str]:
        """Return the object names of all files in a folder at a commit, by path, without submodules."""
        below = () if path == "." else (_inside(path),)
        listing = self.git.run("ls-tree", "-r", "-z", "--full-tree", sha, "--", *below)
        entries = (entry.partition("\t") for entry in listing.decode("utf-8", "surrogateescape").split("\0"))
        about = ((path, words.split()) for words, _, path in entries if path)
        return {path: name for path, (_, kind, name) in about if kind == "blob"}

    def file(self, sha: str, path: str) -> bytes:
        """Return the content of a file at a commit.

        Raises:
            UsageError: there is no such file at that commit, or its object is missing.
        """
        try:
            return self.git.run("cat-file", "blob", f"{sha}:{path}")
        except GitFailed as error:
            raise UsageError(f"{path} cannot be read at {sha[:12]}: {error.output}") from None

    def _log(self, *walk: str) -> Iterator[Commit]:
        plain = ("-z", "--no-color", "--no-show-signature", "--no-notes", "--encoding=UTF-8")
        return read_commits(self.git.text("log", *plain, FORMAT, *walk))

    @cached_property
    def cuts(self) -> frozenset[str]:
        """The commits at which the history of a shallow clone is cut off."""
        return frozenset(self.parts.shallow.decode().split())

    def _advice(self, ref: str) -> str:
        if self.cuts:
            return f"The clone is shallow, and older commits are missing: {DEEPEN}."
        if _HEX.fullmatch(ref):
            return "It looks like a commit id: fetch it first, or use more digits if it is ambiguous."
        return "`git branch --all` and `git tag` list the names."

    @cached_property
    def _commits(self) -> dict[str, Commit]:
        """Cache of commits by full name, which never change."""
        return {}

    @cached_property
    def _trees(self) -> dict[tuple[str, ...], dict[str, str]]:
        """Cache of object names by commit and paths, which never change."""
        return {}

    @cached_property
    def _known(self) -> set[str]:
        """Full names of commits that are known to exist."""
        return set()

    def _has(self, sha: str) -> bool:
        if sha not in self._known and self._lookup(self.git, sha):
            self._known.add(sha)
        return sha in self._known

    @staticmethod
    def _lookup(git: Git, ref: str) -> str | None:
        # In two steps, because `:/some text` would take an appended `^{commit}` for a part of the text.
        named = ref if _FULL.fullmatch(ref) else _parse(git, ref)
        return _parse(git, f"{named}^{{commit}}") if named else None

    @cached_property
    def _fetched(self) -> Git:
        """Git on the clone, after fetching once."""
        with self.lock() as held:
            clone.refresh(replace(self.git, held=(held,)))
        return self.git


def _inside(path: str) -> str:
    """Return a path relative to the root of the tree, as git writes it."""
    name = posixpath.normpath(path)
    if name in (".", "..") or name.startswith(("/", "../")):
        raise UsageError(
            f"{clean_line(path)!r} is not a path inside the repository", "Use paths relative to its root."
        )
    return name


def _parse(git: Git, name: str) -> str | None:
    if not name or "\0" in name:
        return None
    try:
        found = git.text("rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
    except GitFailed:
        return None
    return found if _FULL.fullmatch(found) else None


def _replacements(listing: str) -> dict[str, tuple[Replacement, ...]]:
    """Parse `log --raw -z`: a commit's name, then for each path a field with a colon and the path.

    The raw form is unambiguous even for paths that look like a commit's name.
    """
    found: dict[str, list[Replacement]] = {}
    fields = (text.removeprefix("\n") for text in listing.split("\0"))
    sha = ""
    for text in fields:
        if text.startswith(":"):
            mode, new_mode, old, new, _ = text[1:].split()
            found[sha].append(Replacement(next(fields), f"{mode} {old}", f"{new_mode} {new}"))
        elif text:
            sha = text
            found[sha] = []
    return {sha: tuple(each) for sha, each in found.items()}
