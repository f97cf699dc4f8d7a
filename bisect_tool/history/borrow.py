"""A bare repository of our own on the objects of the user's, so that theirs is only ever read."""

from __future__ import annotations

import os
from pathlib import Path

from bisect_tool.errors import UsageError
from bisect_tool.history.bare import begin, finish, place
from bisect_tool.history.clone import without_account
from bisect_tool.history.lease import lease
from bisect_tool.history.ownership import distrusted
from bisect_tool.history.plumbing import Git, GitFailed

_BUSY = "another run is setting up this repository"
_WAIT_S = 600.0
_TAKES = "--repo takes a checkout, a bare repository or a URL"
_PROMISES = r"^remote\..*\.(promisor|partialclonefilter)$"


def find(spec: str) -> Path:
    """The git directory of the checkout, linked worktree or bare repository that holds the folder `spec`.

    Raises:
        UsageError: there is no such folder, or no repository in or above it.
    """
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {spec!r}", _TAKES)
    try:
        found = Git(folder=folder, personal=True).run("rev-parse", "--absolute-git-dir")
        return Path(os.fsdecode(found).removesuffix("\n"))
    except GitFailed as error:
        if untrusted := distrusted(spec, error):
            raise untrusted from None
        raise UsageError(f"{spec!r} is not a git repository", _TAKES) from None


def prefix_of(folder: Path, git_dir: Path) -> str | None:
    """The path of a folder from the top of the checkout it lies in, such as `docs/`; at the top it is empty.

    None where that is no checkout (or linked worktree) of the repository of `git_dir`.
    """
    git = Git(folder=folder, personal=True)
    try:
        said = git.run("rev-parse", "--path-format=absolute", "--show-prefix", "--git-common-dir")
    except GitFailed:
        return None
    prefix, common, _ = os.fsdecode(said).split("\n", 2)
    return prefix if Path(common).resolve() == _common(git_dir).resolve() else None


def checkout_at(folder: str) -> Path | None:
    """The top of the checkout that a folder lies in; None for a bare repository, a URL, or nothing at all."""
    git = Git(folder=Path(folder), personal=True)
    try:
        found = git.run("rev-parse", "--show-toplevel") if Path(folder).is_dir() else b""
    except GitFailed:
        return None
    return Path(os.fsdecode(found).removesuffix("\n")) if found else None


def is_bare(folder: Path) -> bool:
    """Whether the folder is a bare repository, or lies in one; not if git does not read it."""
    try:
        return Git(folder=folder, personal=True).text("rev-parse", "--is-bare-repository").strip() == "true"
    except GitFailed:
        return False


def borrow(git_dir: Path, cache: Path) -> Path:
    """Our repository for the user's: their objects are read in place, new ones are seen at once.

    Branches and tags are written down afresh each time, so that `git describe` and the like answer in a
    worktree as they would in a checkout of theirs.

    Raises:
        UsageError: the repository lies where git cannot be told to look.
        EnvironmentFailed: another run is setting it up and does not end.
    """
    theirs = Git(git_dir=git_dir, personal=True)
    common = _common(git_dir)
    name = common.parent.name if common.name == ".git" else common.name
    ours = place(cache, name, str(common))
    with lease(ours.with_suffix(".lock"), _WAIT_S, _BUSY) as held:
        if not ours.is_dir():
            part = begin(ours, theirs.text("rev-parse", "--show-object-format").strip(), held)
            _read_objects_of(common / "objects", part)
            _fetch_where_they_do(theirs, Git(git_dir=part, held=(held,)))
            finish(part, ours)
        _copy_refs(theirs, ours)
        _copy_cuts(common / "shallow", ours / "shallow")
    return ours


def _read_objects_of(objects: Path, ours: Path) -> None:
    """Name their objects as our alternates, and their alternates: git follows relative ones no further."""
    listed = objects / "info" / "alternates"
    further = listed.read_text().splitlines() if listed.is_file() else []
    paths = [objects, *((objects / line).resolve() for line in further if line.startswith("."))]
    if any("\n" in str(path) for path in paths):
        raise UsageError("a repository whose path has a line break cannot be read")
    target = ours / "objects" / "info" / "alternates"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"".join(os.fsencode(path) + b"\n" for path in paths))


def _fetch_where_they_do(theirs: Git, ours: Git) -> None:
    """Where theirs has left objects on a server, fetch them from there when needed, into ours."""
    try:
        listed = theirs.text("config", "--local", "-z", "--get-regexp", _PROMISES)
    except GitFailed:
        return
    for entry in filter(None, listed.split("\0")):
        name, _, value = entry.partition("\n")
        remote = name.removeprefix("remote.").rpartition(".")[0]
        ours.run("config", name, value)
        ours.run(
            "config",
            f"remote.{remote}.url",
            without_account(theirs.text("remote", "get-url", remote).strip()),
        )
        ours.run("config", "extensions.partialClone", remote)


def _copy_refs(theirs: Git, ours: Path) -> None:
    listed = theirs.run(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes", "refs/tags"
    )
    packed = ours / "packed-refs"
    if not packed.is_file() or packed.read_bytes() != listed:
        written = ours / "packed-refs.new"
        written.write_bytes(listed)
        written.replace(packed)


def _copy_cuts(theirs: Path, ours: Path) -> None:
    """Where a shallow history was cut off is a property of the objects, so ours must know it, too."""
    if theirs.is_file():
        ours.write_bytes(theirs.read_bytes())
    else:
        ours.unlink(missing_ok=True)


def _common(git_dir: Path) -> Path:
    """The repository of a git directory, which may be that of a linked worktree (gitrepository-layout(5))."""
    named = git_dir / "commondir"
    return (
        (git_dir / os.fsdecode(named.read_bytes()).removesuffix("\n")).resolve()
        if named.is_file()
        else git_dir
    )
