"""Build a git repository from a base tree and a series of patches, with the same hashes everywhere.

The series is a TOML file beside a folder `base/` (the tree of the first commit) and a folder `patches/`:

    [[commit]]
    label = "docs"                       # unique in the series
    subject = "Describe the flags (#112)"
    body = ""                            # optional
    author = "Ada Example <ada@example.org>"
    date = "2026-03-02T09:00:00+00:00"
    patches = ["0001-docs.patch"]        # applied in order; none for the first commit and for a no-op
    parents = ["base"]                   # optional labels; else the commit before. The first gives the tree

    [marks]                              # additional names for labels
    good = "docs"

A series may be a variant of another one in the same folder; `commit` then lists the changed fields, by label:

    extends = "series.toml"              # its commits
    until = "docs"                       # up to this one

    [[commit]]
    label = "docs"
    patches = ["0001-other-docs.patch"]  # all other fields are those of the other series; the marks are not

It uses git plumbing commands only, without the user's configuration, hooks, templates or signing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bisect_tool.errors import UsageError
from bisect_tool.git.plumbing import Git, GitFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STAMP = "replayed.json"
_AUTHOR = re.compile(r"(?P<name>[^<>]+) <(?P<mail>[^<> ]+)>")


@dataclass(frozen=True)
class Replayed:
    """A replayed history: the last commit, and the commits by label and by mark."""

    head: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class SeriesCommit:
    """One entry of the series; `parents` are labels."""

    label: str
    subject: str
    author: str
    date: str
    body: str = ""
    patches: tuple[str, ...] = ()
    parents: tuple[str, ...] | None = None

    @property
    def message(self) -> str:
        """Return the commit message: subject, blank line, body."""
        return f"{self.subject}\n" + (f"\n{self.body.strip()}\n" if self.body.strip() else "")


@dataclass(frozen=True)
class Series:
    """A parsed series file, and its folder."""

    folder: Path
    commits: tuple[SeriesCommit, ...]
    marks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Series:
        """Read a series file; raises UsageError if it is missing or not a series."""
        try:
            document = _document(path)
            commits = tuple(_commit(entry) for entry in document["commit"])
        except OSError as error:
            raise UsageError(f"cannot read the series {path}: {error.strerror}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path} is not a series of commits: {error}") from error
        labels = [commit.label for commit in commits]
        marks: dict[str, str] = document.get("marks", {})
        known = set(labels)
        unknown = [label for commit in commits for label in commit.parents or () if label not in known]
        unknown += [label for label in marks.values() if label not in known]
        if len(known) != len(labels) or unknown or known & set(marks):
            raise UsageError(f"{path}: labels must be unique, and parents and marks must refer to them")
        return cls(path.parent, commits, marks)

    def base_files(self) -> list[Path]:
        """Return the files of the first tree, without caches such as `__pycache__`."""
        base = self.folder / "base"
        return sorted(
            file for file in base.rglob("*") if file.is_file() and not _in_cache(file.relative_to(base))
        )

    def digest(self) -> str:
        """Return the SHA-256 of all inputs of the history."""
        total = hashlib.sha256()
        patches = [self.folder / "patches" / name for commit in self.commits for name in commit.patches]
        for path in [*self.base_files(), *patches]:
            content = _read(path)
            total.update(f"{path.relative_to(self.folder)} {len(content)}\n".encode())
            total.update(content)
        total.update(repr((self.commits, sorted(self.marks.items()))).encode())
        return total.hexdigest()


def replay(series: Path, destination: Path) -> Replayed:
    """Build the series as a bare repository at `destination`; branch `main`, one tag for every mark.

    A destination that already has this history is unchanged; an older one is replaced atomically.

    Raises:
        UsageError: the destination is not a replayed history, or a patch does not apply.
        EnvironmentFailed: git is missing, or cannot write to the destination.
    """
    plan = Series.read(series)
    digest = plan.digest()
    if (existing := _existing(destination, digest)) is not None:
        return existing
    if destination.exists() and any(destination.iterdir()) and not (destination / STAMP).is_file():
        raise UsageError(
            f"{destination} exists, but was not created by bisect-run",
            "Move it away, or set BISECT_RUN_HOME to another directory.",
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(destination.absolute()) as scratch:
        replayed = _build(plan, scratch / "new", scratch / "index")
        stamp = {"digest": digest, "head": replayed.head, "labels": dict(replayed.labels)}
        (scratch / "new" / STAMP).write_text(json.dumps(stamp, indent=2), encoding="utf-8")
        _move_into_place(scratch, destination, digest)
    return replayed


def _document(path: Path) -> dict[str, Any]:
    """Return the tables of a file; a variant inherits the commits that it does not list."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    if "extends" not in document:
        return document
    others: list[dict[str, Any]] = _document(path.with_name(document["extends"]))["commit"]
    labels = [entry["label"] for entry in others]
    changes = {entry["label"]: entry for entry in document["commit"]}
    if unknown := changes.keys() - labels:
        raise KeyError(*unknown)
    kept = others[: labels.index(document["until"]) + 1]
    return document | {"commit": [entry | changes.get(entry["label"], {}) for entry in kept]}


def _commit(entry: Mapping[str, Any]) -> SeriesCommit:
    parents = entry.get("parents")
    lists = {
        "patches": tuple(entry.get("patches", ())),
        "parents": None if parents is None else tuple(parents),
    }
    commit = SeriesCommit(**{**entry, **lists})
    if not _AUTHOR.fullmatch(commit.author):
        raise TypeError(f"commit {commit.label}: the author must have the form `Name <mail>`")
    return commit


def _in_cache(file: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in file.parts[:-1])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _existing(destination: Path, digest: str) -> Replayed | None:
    try:
        stamp = json.loads((destination / STAMP).read_text(encoding="utf-8"))
        return Replayed(stamp["head"], stamp["labels"]) if stamp["digest"] == digest else None
    except (OSError, ValueError, KeyError):  # not built yet, or by another version: it is built now
        return None


@contextlib.contextmanager
def _scratch(destination: Path) -> Iterator[Path]:
    """Yield a temporary folder on the destination's file system, so that a rename is atomic."""
    path = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _move_into_place(scratch: Path, destination: Path, digest: str) -> None:
    """Move the new repository into place atomically; of concurrent builds the first one wins.

    It may be in use already, and would be missing for an instant if it were replaced.
    """
    with contextlib.suppress(OSError):  # there is another one, which is not empty
        (scratch / "new").rename(destination)
        return
    if _existing(destination, digest) is not None:
        return
    with contextlib.suppress(FileNotFoundError):
        destination.rename(scratch / "old")
    try:
        (scratch / "new").rename(destination)
    except OSError:
        if not (destination / STAMP).is_file():
            raise


def _build(plan: Series, repository: Path, index: Path) -> Replayed:
    git = Git(repository.parent, git_dir=repository, environment=(("GIT_INDEX_FILE", str(index)),))
    git.run("init", "--bare", "--quiet", "--object-format=sha1", "--template=", "--initial-branch=main")
    trees: dict[str, str] = {}
    shas: dict[str, str] = {}
    previous: SeriesCommit | None = None
    for commit in plan.commits:
        parents = commit.parents if commit.parents is not None else (previous.label,) if previous else ()
        if parents:
            git.run("read-tree", trees[parents[0]])
        else:
            _add_base(git, plan)
        for name in commit.patches:
            _apply(git, plan.folder / "patches" / name, commit)
        trees[commit.label] = git.text("write-tree").strip()
        shas[commit.label] = _commit_tree(
            git, commit, trees[commit.label], [shas[parent] for parent in parents]
        )
        previous = commit
    head = shas[plan.commits[-1].label]
    labels = {**shas, **{mark: shas[label] for mark, label in plan.marks.items()}}
    git.run("update-ref", "refs/heads/main", head)
    for mark in plan.marks:
        git.run("update-ref", f"refs/tags/{mark}", labels[mark])
    return Replayed(head, labels)


def _add_base(git: Git, plan: Series) -> None:
    base = plan.folder / "base"
    for file in plan.base_files():
        blob = git.text("hash-object", "-w", "--no-filters", "--", str(file.absolute())).strip()
        path = file.relative_to(base).as_posix()
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")


def _apply(git: Git, patch: Path, commit: SeriesCommit) -> None:
    try:
        git.run("apply", "--cached", "--whitespace=nowarn", "--", str(patch.absolute()))
    except GitFailed as error:
        raise UsageError(
            f"patch {patch.name} of commit {commit.label} does not apply: {error.output}",
            "Regenerate the patch, or reinstall the scenario.",
        ) from error


def _commit_tree(git: Git, commit: SeriesCommit, tree: str, parents: Sequence[str]) -> str:
    author = _AUTHOR.fullmatch(commit.author)
    assert author is not None, "Series.read has checked it"
    who = {"NAME": author["name"], "EMAIL": author["mail"], "DATE": commit.date}
    identity = tuple(
        (f"GIT_{role}_{key}", value) for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    )
    links = [word for parent in parents for word in ("-p", parent)]
    committing = replace(git, environment=(*git.environment, *identity))
    return committing.text("commit-tree", tree, *links, stdin=commit.message).strip()
