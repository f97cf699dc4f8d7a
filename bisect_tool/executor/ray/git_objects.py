"""Send commits to nodes as packs of git objects: nodes need no repository and no network.

A node gets the history without files once, and the files of each tested commit that it does not have yet. So
`git describe` works there, but `git log -p` does not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.executor.ray.messages import Parcel
from bisect_tool.file_lock import lease
from bisect_tool.git import Repository
from bisect_tool.git.bare_repository import begin, finish, place
from bisect_tool.git.plumbing import LOCAL_S, NETWORK_S, Git
from bisect_tool.git.repository import ignore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from bisect_tool.git.bare_repository import Parts

_OF_A_SERVER = ("promisor", "partialclone", "partialclonefilter")
_MOST_KNOWN = 8
_COUNT = slice(8, 12)
"""The bytes of a pack's header with the number of objects (gitformat-pack(5))."""


@dataclass(frozen=True)
class Sender:
    """Sends commits of the driver's repository; every node gets the history of the `tips`."""

    repository: Repository
    tips: tuple[str, ...]

    def parts(self) -> Parts:
        """Return the contents of a node's repository: those of the driver's, with tags of the history only.

        Raises:
            UsageError: the repository has replaced commits, which cannot be sent.
        """
        ours = self.repository.parts
        if b" refs/replace/" in (ours.refs or b""):
            raise UsageError(
                "a repository with replaced commits cannot be sent to a Ray cluster",
                "Remove the replacements (git replace -d), or run the trials on this machine.",
            )
        settings = (pair for pair in ours.settings if pair[0].lower().rpartition(".")[2] not in _OF_A_SERVER)
        tags = "".join(f"{sha} {name}\n" for sha, name in self._tags())
        return replace(ours, settings=tuple(settings), alternates=b"", refs=tags.encode())

    def parcels(self, shas: Iterable[str], received: Collection[str], sent: Iterable[str]) -> list[Parcel]:
        """Return the parcels that a node with `received` lacks for these commits; `sent` went to any node."""
        missing = []
        if self._history not in received:
            tags = (sha for sha, _ in self._tags())
            missing.append(Parcel(self._history, self._packed(("--filter=tree:0",), [*self.tips, *tags])))
        known = [sha for sha in sent if sha in received][-_MOST_KNOWN:]
        for sha in shas:
            if sha not in received:
                commits = [sha, *(f"^{tip}" for tip in self.tips)]
                files = [f"{sha}^{{tree}}", *(f"^{other}^{{tree}}" for other in known)]
                packs = (*self._packed(("--filter=tree:0",), commits), *self._packed((), files))
                missing.append(Parcel(sha, packs))
                known.append(sha)
        return missing

    @property
    def _history(self) -> str:
        return f"history-{hashlib.sha256(' '.join(self.tips).encode()).hexdigest()[:16]}"

    def _tags(self) -> list[list[str]]:
        merged = (f"--merged={tip}" for tip in self.tips)
        how = ("--format=%(objectname) %(refname)", *merged)
        return [line.split(" ", 1) for line in self.repository.git.lines("for-each-ref", *how, "refs/tags")]

    def _packed(self, how: Sequence[str], revisions: Sequence[str]) -> tuple[bytes, ...]:
        """Return a pack of the objects reachable from the revisions; none if there are no objects."""
        words = ("pack-objects", "-q", "--revs", "--stdout", "--no-use-bitmap-index", *how)
        listed = "".join(f"{revision}\n" for revision in revisions).encode()
        pack = self.repository.git.run(*words, stdin=listed, timeout_s=NETWORK_S)
        return (pack,) if any(pack[_COUNT]) else ()


@dataclass(frozen=True)
class Receiver:
    """The repository of a node, shared by its actors."""

    repository: Repository

    @classmethod
    def at(cls, spec: str, parts: Parts, cache: Path) -> Receiver:
        """Return the repository below a node's cache, creating it if needed."""
        identity = repr((spec, replace(parts, refs=None)))
        git_dir = place(cache, spec.rstrip("/").rpartition("/")[2], identity)
        with lease(git_dir.with_suffix(".lock"), LOCAL_S, f"another actor is creating {git_dir}", ignore):
            if not git_dir.is_dir():
                finish(begin(git_dir, parts), git_dir)
        return cls(Repository(spec, git_dir, None, parts))

    @property
    def received(self) -> tuple[str, ...]:
        """Return the names of the stored parcels."""
        return tuple(path.name for path in self._marks.glob("*"))

    def receive(self, parcel: Parcel) -> None:
        """Store the objects of a parcel; idempotent."""
        git = Git(git_dir=self.repository.git_dir)
        for pack in parcel.packs:
            git.run("index-pack", "--stdin", stdin=pack, timeout_s=NETWORK_S)
        self._marks.mkdir(exist_ok=True)
        (self._marks / parcel.name).touch()

    @property
    def _marks(self) -> Path:
        return self.repository.git_dir / "received"
