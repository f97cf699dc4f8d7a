"""A bare repository of our own beside the user's: its worktrees, locks and settings never touch theirs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from bisect_tool.errors import UsageError
from bisect_tool.history.lease import lease
from bisect_tool.history.plumbing import NETWORK_S, Git, GitFailed

_BUSY = "another run is setting up this repository"
_WAIT_S = 600.0
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+@[^/:]+:")
_ACCOUNT = re.compile(r"(?<=://)[^/@]+@")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_CONNECTION = ("credential.", "http.", "https.", "url.", "ssh.", "core.sshcommand", "core.gitproxy")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


def is_url(spec: str) -> bool:
    """Whether a repository is named by a URL (or `user@host:path`) rather than by a folder.

    Raises:
        UsageError: by a remote helper (`ext::...`), which is a program to run.
    """
    if _HELPER.match(spec):
        raise UsageError(f"{spec!r} names a program to run, not a repository")
    return _URL.match(spec) is not None


def find(spec: str) -> Path:
    """The git directory of the checkout, linked worktree or bare repository that holds the folder `spec`.

    Raises:
        UsageError: there is no such folder, or no repository in or above it.
    """
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {spec!r}", "--repo takes a checkout, a bare repository or a URL"
        )
    try:
        return _path(Git(folder=folder, personal=True), "--absolute-git-dir")
    except GitFailed as error:
        if "dubious ownership" in error.said:
            hint = f"it belongs to someone else: git config --global --add safe.directory {folder.resolve()}"
            raise UsageError(f"git does not trust {spec!r}", hint) from None
        raise UsageError(f"{spec!r} is not a git repository") from None


def borrow(git_dir: Path, cache: Path) -> Path:
    """Our bare repository on the objects of the user's; new commits there are seen here at once.

    Nothing is copied, and nothing is written to theirs: git reads their objects through `alternates`.
    """
    theirs = Git(git_dir=git_dir, personal=True)
    common = _path(theirs, "--path-format=absolute", "--git-common-dir")
    ours = _place(cache, common.parent.name if common.name == ".git" else common.name, str(common))
    with lease(ours.with_suffix(".lock"), _WAIT_S, _BUSY) as held:
        if not ours.is_dir():
            part = _begin(ours, theirs.text("rev-parse", "--show-object-format").strip(), held)
            _alternates(part, common / "objects")
            _promise(Git(git_dir=part), theirs)
            part.rename(ours)
        _same(common / "shallow", ours / "shallow")
    return ours


def clone(url: str, cache: Path) -> Path:
    """Our bare clone of a URL, made once; without file contents where the server can send them later.

    Raises:
        EnvironmentFailed: the server could not be reached, or refused.
    """
    public = _ACCOUNT.sub("", url)
    ours = _place(cache, public.rstrip("/").rpartition("/")[2], public)
    with lease(ours.with_suffix(".lock"), NETWORK_S, _BUSY) as held:
        if not ours.is_dir():
            part = _begin(ours, "sha1", held)
            git = Git(git_dir=part, held=(held,), config=connection(url))
            for name, value in {
                "remote.origin.url": public,
                "remote.origin.promisor": "true",
                "remote.origin.partialCloneFilter": "blob:none",
                "extensions.partialClone": "origin",
            }.items():
                git.run("config", name, value)
            refresh(git)
            part.rename(ours)
    return ours


def refresh(git: Git) -> None:
    """Fetch the branches and tags of a clone again.

    Raises:
        EnvironmentFailed: the server could not be reached, or refused.
    """
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    git.run("fetch", "--quiet", "--prune", "--no-recurse-submodules", "origin", *refs, timeout_s=NETWORK_S)
    head = re.search(
        r"^ref: (refs/\S+)\tHEAD$", git.text("ls-remote", "--symref", "origin", "HEAD"), re.MULTILINE
    )
    if head:
        git.run("symbolic-ref", "HEAD", head[1])


def connection(url: str = "") -> tuple[tuple[str, str], ...]:
    """What the user's configuration and the URL say about reaching the server, and nothing else of it.

    Filters, hooks, templates and aliases stay out. These settings are kept in memory only: a token in a
    URL is never written to the cache.
    """
    listed = Git(personal=True).text("config", "--list", "--includes", "-z")
    entries = (entry.partition("\n") for entry in listed.split("\0"))
    settings = [(name, value) for name, _, value in entries if name.startswith(_CONNECTION)]
    public = _ACCOUNT.sub("", url)
    if public != url:
        settings.append((f"url.{url}.insteadOf", public))
    return tuple(settings)


def _place(cache: Path, name: str, identity: str) -> Path:
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name.removesuffix(".git")).strip("-")[:40]
    return cache / "repositories" / f"{readable}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.git"


def _begin(ours: Path, object_format: str, held: int) -> Path:
    """An empty bare repository beside its final place, where a rename makes it count."""
    part = ours.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    git = Git(git_dir=part, held=(held,))
    git.run("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}")
    for name, value in _SETTINGS.items():
        git.run("config", name, value)
    # Settings of one worktree (its sparse patterns) need this, and then `bare` must be said where it holds.
    git.run("config", "extensions.worktreeConfig", "true")
    git.run("config", "--unset", "core.bare")
    git.run("config", "--file", str(part / "config.worktree"), "core.bare", "true")
    return part


def _alternates(ours: Path, objects: Path) -> None:
    """Read objects from theirs, and from where theirs reads them: git follows no relative path that far."""
    listed = objects / "info" / "alternates"
    further = listed.read_text().splitlines() if listed.is_file() else []
    relative = (line for line in further if line.startswith("."))
    paths = [objects, *((objects / line).resolve() for line in relative)]
    if any("\n" in str(path) or str(path).startswith('"') for path in paths):
        raise UsageError("a repository whose path has a line break cannot be read")
    target = ours / "objects" / "info" / "alternates"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(f"{path}\n" for path in paths))


def _promise(ours: Git, theirs: Git) -> None:
    """Where theirs has left objects on a server, fetch them from there when needed, into ours."""
    try:
        listed = theirs.text(
            "config", "--local", "-z", "--get-regexp", r"^remote\..*\.(promisor|partialclonefilter)$"
        )
    except GitFailed:
        return
    for entry in filter(None, listed.split("\0")):
        name, _, value = entry.partition("\n")
        remote = name.removeprefix("remote.").rpartition(".")[0]
        ours.run("config", name, value)
        ours.run(
            "config",
            f"remote.{remote}.url",
            _ACCOUNT.sub("", theirs.text("remote", "get-url", remote).strip()),
        )
        ours.run("config", "extensions.partialClone", remote)


def _same(theirs: Path, ours: Path) -> None:
    """Where history was cut off is a property of their objects, so ours must know it, too."""
    if theirs.is_file():
        ours.write_bytes(theirs.read_bytes())
    else:
        ours.unlink(missing_ok=True)


def _path(git: Git, *what: str) -> Path:
    return Path(git.text("rev-parse", *what).removesuffix("\n"))
