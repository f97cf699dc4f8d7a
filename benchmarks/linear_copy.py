"""A linear copy of the end of a repository's history, every commit with its number in a file.

The copy is complete even where the original is not: files whose objects are absent (left on a server by a
partial clone) and submodules are left out of every commit.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

NUMBER_FILE = "bisect-number"
_OWN = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_AUTHOR_NAME": "benchmark",
    "GIT_AUTHOR_EMAIL": "benchmark@localhost",
    "GIT_COMMITTER_NAME": "benchmark",
    "GIT_COMMITTER_EMAIL": "benchmark@localhost",
}
_SUBMODULE = b"160000"
_DELETED = b"D"


@dataclass(frozen=True)
class Linear:
    """A checkout of the copy at its last commit; `shas` are its commits, oldest first, numbered from 0."""

    path: Path
    shas: tuple[str, ...]
    files: int


@dataclass(frozen=True)
class _Change:
    """One entry of `git diff-tree --raw`: what a path becomes."""

    mode: bytes
    blob: bytes
    path: bytes
    gone: bool


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """The output of one git command in a folder; ends the benchmark where it fails."""
    command = ("git", "-C", str(folder), *arguments)
    done = subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, **_OWN}, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.decode()}")
    return done.stdout


def linear_copy(source: Path, rev: str, commits: int, folder: Path) -> Linear:
    """Copy the last `commits` first-parent commits up to `rev`, and the one before, into a new checkout."""
    shas = git(source, "rev-list", "--first-parent", "--reverse", f"--max-count={commits + 1}", rev).split()
    changes = [_changes(source, older, newer) for older, newer in zip((None, *shas), shas, strict=False)]
    kept = _present(source, {change.blob for each in changes for change in each if not change.gone})
    git(folder.parent, "init", "--quiet", "--template=", "--initial-branch=main", str(folder))
    objects = folder / ".git" / "objects"
    lent = objects / "info" / "alternates"
    lent.write_bytes(git(source, "rev-parse", "--path-format=absolute", "--git-path", "objects"))
    git(folder, "fast-import", "--quiet", stdin=b"".join(_stream(_subjects(source, shas), changes, kept)))
    git(folder, "repack", "-a", "-d", "--quiet")
    lent.unlink()
    git(folder, "checkout", "--quiet", "--force", "main")
    copied = git(folder, "rev-list", "--reverse", "main").decode().split()
    return Linear(folder, tuple(copied), len(git(folder, "ls-files", "-z").split(b"\0")) - 1)


def _changes(source: Path, older: bytes | None, newer: bytes) -> list[_Change]:
    ends = (older or git(source, "hash-object", "-t", "tree", "--stdin").strip(), newer)
    options = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames")
    fields = git(source, "diff-tree", *options, *(end.decode() for end in ends)).split(b"\0")
    found = []
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, status = about.split()
        found.append(_Change(mode, blob, path, status == _DELETED or mode == _SUBMODULE))
    return found


def _present(source: Path, blobs: set[bytes]) -> set[bytes]:
    """The objects that exist in this copy of the history."""
    present = git(source, "cat-file", "--batch-check", stdin=b"\n".join(sorted(blobs)) + b"\n").splitlines()
    return {line.split()[0] for line in present if not line.endswith(b" missing")}


def _subjects(source: Path, shas: Sequence[bytes]) -> list[bytes]:
    wanted = b"\n".join(shas) + b"\n"
    return git(source, "log", "--no-walk=unsorted", "--stdin", "--format=%s", stdin=wanted).splitlines()


def _stream(
    subjects: Sequence[bytes], changes: Sequence[Iterable[_Change]], kept: set[bytes]
) -> Iterator[bytes]:
    """The input of `git fast-import`: a commit a minute."""
    for number, (subject, each) in enumerate(zip(subjects, changes, strict=True)):
        yield b"commit refs/heads/main\ncommitter benchmark <benchmark@localhost> "
        yield b"%d +0000\n%b" % (1_700_000_000 + 60 * number, _data(subject))
        last: Mapping[bytes, _Change] = {change.path: change for change in each}
        for path, change in sorted(last.items(), key=lambda item: item[1].gone, reverse=True):
            if change.gone or change.blob not in kept:
                yield b"D %b\n" % _quoted(path)
            else:
                yield b"M %b %b %b\n" % (change.mode, change.blob, _quoted(path))
        yield b"M 100644 inline %b\n%b" % (NUMBER_FILE.encode(), _data(b"%d\n" % number))


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: bytes) -> bytes:
    for letter, written in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        path = path.replace(letter, written)
    return b'"%b"' % path
