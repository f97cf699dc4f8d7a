"""Open a local repository read-only, through a bare one in the cache that shares its objects (alternates)."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.file_lock import lease
from bisect_tool.git.bare_repository import Parts, Settings, alternate, begin, finish, place, write
from bisect_tool.git.clone import is_local, without_account
from bisect_tool.git.origin import remote_urls
from bisect_tool.git.plumbing import Git, GitFailed
from bisect_tool.git.safe_directory import distrusted
from bisect_tool.paths import expanded

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Entries: TypeAlias = list[tuple[str, str, str]]

_LOCKED = "another run is setting up this repository"
_WAIT_S = 600.0
_TAKES = "--repo takes a checkout, a bare repository or a URL."
_COPIED = re.compile(r"remote\..*\.(promisor|partialclonefilter)|submodule\.(.*\.)?(url|active)", re.DOTALL)
_LINE_ENDS = ("core.autocrlf", "core.eol")
_REFS = ("refs/heads", "refs/remotes", "refs/tags")


def find(spec: str) -> Path:
    """Return the git directory of the checkout, linked worktree or bare repository that contains `spec`.

    Raises:
        UsageError: there is no such folder, or no repository in or above it.
    """
    folder = expanded(spec)
    if not folder.is_dir():
        raise UsageError(f"there is no directory {spec!r}", _TAKES)
    try:
        found = Git(folder=folder, personal=True).run("rev-parse", "--absolute-git-dir")
        return Path(os.fsdecode(found).removesuffix("\n"))
    except GitFailed as error:
        if untrusted := distrusted(spec, error):
            raise untrusted from None
        raise UsageError(f"{spec!r} is not a git repository", _TAKES) from None


def prefix_of(folder: Path, git_dir: Path) -> str | None:
    """Return the path of a folder relative to its checkout, such as `docs/`; empty at the root.

    None if that is not a checkout (or linked worktree) of the repository of `git_dir`.
    """
    git = Git(folder=folder, personal=True)
    try:
        output = git.run("rev-parse", "--path-format=absolute", "--show-prefix", "--git-common-dir")
    except GitFailed:
        return None
    prefix, common, _ = os.fsdecode(output).split("\n", 2)
    return prefix if Path(common).resolve() == _common(git_dir).resolve() else None


def checkout_at(folder: str) -> Path | None:
    """Return the root of the checkout that contains a folder; None for a bare repository or a URL."""
    try:
        found = Git(folder=expanded(folder), personal=True).run("rev-parse", "--show-toplevel")
    except GitFailed:  # there may be no such folder any more, too
        return None
    return Path(os.fsdecode(found).removesuffix("\n")) if found else None


def is_bare(folder: Path) -> bool:
    """Whether the folder is or is in a bare repository that git can read."""
    try:
        return Git(folder=folder, personal=True).text("rev-parse", "--is-bare-repository").strip() == "true"
    except GitFailed:
        return False


def is_checkout(folder: Path) -> bool:
    """Whether the folder is in a repository that git can read."""
    try:
        Git(folder=folder, personal=True).run("rev-parse", "--absolute-git-dir")
    except GitFailed:
        return False
    return True


def open_shared(git_dir: Path, cache: Path, on_wait: Callable[[str], None]) -> tuple[Path, Parts]:
    """Return our repository for the user's: it reads their objects in place, including new ones.

    Branches, tags, replacements, grafts, remotes and submodules are copied each time, so that `git describe`
    and similar commands work in our worktrees as in the user's checkout. `on_wait` is called if another run
    does this at the same time.

    Raises:
        EnvironmentFailed: another run has been setting it up for too long.
    """
    common = _common(git_dir)
    parts = _parts(Git(git_dir=git_dir, personal=True), common)
    name = common.parent.name if common.name == ".git" else common.name
    ours = place(cache, name, str(common))
    with lease(ours.with_suffix(".lock"), _WAIT_S, _LOCKED, on_wait):
        if ours.is_dir():
            write(ours, parts)
        else:
            finish(begin(ours, parts), ours)
    return ours, parts


def _parts(theirs: Git, common: Path) -> Parts:
    """Read the files of the user's repository that we copy."""
    entries = _configuration(theirs)
    replaced = ("refs/replace",) if _replaces(theirs, entries) else ()
    return Parts(
        object_format=_object_format(entries),
        settings=(*_line_ends(entries), *_remotes(theirs, common, entries), *_copied_settings(entries)),
        alternates=_alternates(common / "objects"),
        refs=theirs.run("for-each-ref", "--format=%(objectname) %(refname)", *_REFS, *replaced),
        shallow=_read(common / "shallow"),
        grafts=_read(common / "info" / "grafts"),
        attributes=_read(common / "info" / "attributes"),
    )


def _configuration(theirs: Git) -> Entries:
    """Return scope, name and value of every setting of the user's repository, names as git writes them."""
    fields = theirs.text("config", "--list", "--includes", "--show-scope", "-z").split("\0")
    entries = (
        (scope, *entry.partition("\n")) for scope, entry in zip(fields[::2], fields[1::2], strict=False)
    )
    return [(scope, name, value) for scope, name, _, value in entries]


def _object_format(entries: Entries) -> str:
    """Return the hash of object names; git reads it from the repository's own settings alone."""
    own = [value for scope, name, value in entries if (scope, name) == ("local", "extensions.objectformat")]
    return own[-1] if own else "sha1"


def _line_ends(entries: Entries) -> Settings:
    """Return the user's settings for line endings; the last one of each applies."""
    found = {name: value for _, name, value in entries if name in _LINE_ENDS}
    usual = {"core.autocrlf": "false", "core.eol": "native"}
    return tuple((name, value) for name, value in sorted(found.items()) if value != usual[name])


def _copied_settings(entries: Entries) -> Settings:
    """Return the settings for promisor remotes and submodules, without programs and accounts."""
    here = [(name, value) for scope, name, value in entries if scope in ("local", "worktree")]
    promisors = [name.split(".", 1)[1].rpartition(".")[0] for name, _ in here if name.endswith(".promisor")]
    partial = (("extensions.partialClone", promisors[0]),) if promisors else ()
    kept = ((name, without_account(value)) for name, value in here if _COPIED.fullmatch(name))
    return (*partial, *kept)


def _remotes(theirs: Git, common: Path, entries: Entries) -> Settings:
    """Return the user's remotes without accounts, with absolute paths."""
    if not any(name.startswith("remote.") for _, name, _ in entries):
        return ()
    top = common.parent if common.name == ".git" else common
    urls = {name: without_account(url) for name, url in remote_urls(theirs).items()}
    return tuple(
        (f"remote.{name}.url", posixpath.normpath(top / url) if is_local(url) else url)
        for name, url in sorted(urls.items())
    )


def _replaces(theirs: Git, entries: Entries) -> bool:
    """Whether the user's git uses refs/replace (git-replace(1)); it does by default."""
    if "GIT_NO_REPLACE_OBJECTS" in os.environ:
        return False
    if not any(name == "core.usereplacerefs" for _, name, _ in entries):
        return True
    return theirs.text("config", "--type=bool", "--default=true", "core.useReplaceRefs").strip() == "true"


def _alternates(objects: Path) -> bytes:
    """Return the user's objects and alternates; git does not follow relative ones any further."""
    further = os.fsdecode(_read(objects / "info" / "alternates")).split("\n")
    paths = [objects, *((objects / line).resolve() for line in further if line.startswith("."))]
    return b"".join(alternate(path) for path in paths)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _common(git_dir: Path) -> Path:
    """Return the repository of a git directory; a linked worktree has its own (gitrepository-layout(5))."""
    named = git_dir / "commondir"
    return (
        (git_dir / os.fsdecode(named.read_bytes()).removesuffix("\n")).resolve()
        if named.is_file()
        else git_dir
    )
