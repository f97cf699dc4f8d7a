"""Clone a repository URL into the cache: bare, and without file contents (blobless) if the server can."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.file_lock import lease
from bisect_tool.git.bare_repository import Parts, begin, drop_stale_locks, finish, place, write
from bisect_tool.git.plumbing import NETWORK_S, Git, GitFailed
from bisect_tool.git.safe_directory import distrusted, trusted_server
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

_LOCKED = "another run is cloning this repository"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+@[^/:]+:")
_HOST = re.compile(r"[^/]*:")
_ACCOUNT = re.compile(r"(?<=://)[^/]*@")
_PASSWORD = re.compile(r"(?P<login>://[^/:@]*):[^/]*@")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_HEAD = re.compile(r"^ref: (refs/\S+)\tHEAD$", re.MULTILINE)
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_BY_ENVIRONMENT = {
    "GIT_ASKPASS": "core.askPass",
    "GIT_PROXY_COMMAND": "core.gitProxy",
    "GIT_SSH_COMMAND": "core.sshCommand",
    "GIT_SSL_CAINFO": "http.sslCAInfo",
    "GIT_SSL_CAPATH": "http.sslCAPath",
    "GIT_SSL_CERT": "http.sslCert",
    "GIT_SSL_KEY": "http.sslKey",
}
_USER_SCOPES = ("system", "global")
_CONNECTION = (
    "credential.",
    "http.",
    "https.",
    "url.",
    "ssh.",
    "core.sshcommand",
    "core.gitproxy",
    "core.askpass",
)


def is_url(spec: str) -> bool:
    """Whether a repository is given by URL (or `user@host:path`) rather than by folder.

    Raises:
        UsageError: it is given by a remote helper (`ext::...`), which is a program to run.
    """
    if _HELPER.match(spec):
        raise UsageError(
            f"{clean_line(spec)!r} names a program to run, not a repository",
            "--repo takes a checkout, a bare repository or a URL.",
        )
    return _URL.match(spec) is not None


def is_local(url: str) -> bool:
    """Whether a remote is a path relative to its checkout."""
    named = _HELPER.match(url) or _URL.match(url) or _HOST.match(url)
    return not (named or url.startswith(("/", "~")))


def without_account(url: str) -> str:
    """Return a URL without user name, password or token; the user name for ssh is kept."""
    if url.startswith("ssh://"):
        return _PASSWORD.sub(r"\g<login>@", url)
    return _ACCOUNT.sub("", url)


def is_cloned(url: str, cache: Path) -> bool:
    """Whether the cache has our clone of a URL."""
    return _place(without_account(url), cache).is_dir()


def _place(public: str, cache: Path) -> Path:
    return place(cache, public.rstrip("/").rpartition("/")[2], public)


def clone(url: str, cache: Path, on_wait: Callable[[str], None]) -> tuple[Path, Parts]:
    """Return our bare clone of a URL, made once; `on_wait` is called if another run makes it.

    Raises:
        UsageError: it belongs to another user, and git does not trust it.
        EnvironmentFailed: the server could not be reached, or refused.
    """
    public = without_account(url)
    ours = _place(public, cache)
    parts = Parts(
        settings=(
            ("remote.origin.url", public),
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialCloneFilter", "blob:none"),
            ("extensions.partialClone", "origin"),
        )
    )
    with lease(ours.with_suffix(".lock"), NETWORK_S, _LOCKED, on_wait) as held:
        if not _is_intact(ours, parts):
            part = begin(ours, parts)
            refresh(Git(git_dir=part, held=(held,), config=connection(url)))
            finish(part, ours)
    return ours, parts


def _is_intact(ours: Path, parts: Parts) -> bool:
    """Whether our clone is there and has commits; its other files are restored."""
    if not ours.is_dir():
        return False
    write(ours, parts)
    try:
        return bool(Git(git_dir=ours).run("for-each-ref", "--count=1", "--format=%(objecttype)"))
    except GitFailed:
        return False


def refresh(git: Git) -> None:
    """Fetch the branches and tags of a clone; the caller holds its lease.

    Raises:
        UsageError: it belongs to another user, and git does not trust it.
        EnvironmentFailed: the server could not be reached, or refused.
    """
    if git.git_dir is not None:
        drop_stale_locks(git.git_dir)
    how = ("--quiet", "--prune", "--no-recurse-submodules", "--no-write-fetch-head")
    try:
        git.run("fetch", *how, "origin", *_REFS, timeout_s=NETWORK_S)
    except GitFailed as error:
        raise distrusted(git.text("config", "remote.origin.url").strip(), error) or error from None
    head = _HEAD.search(git.text("ls-remote", "--symref", "origin", "HEAD"))
    if head:
        git.run("symbolic-ref", "HEAD", head[1])


def connection(url: str = "", source: Path | None = None) -> tuple[tuple[str, str], ...]:
    """Return the connection settings (credentials, proxies, ...) of the user, the environment and the URL.

    They come from the user's and the system's configuration, not from that of a repository; filters, hooks,
    templates and aliases are not included. They are kept in memory only: a token in a URL is never written to
    the cache.
    """
    git = Git(git_dir=source, folder=source or Path("/"), personal=True)
    fields = git.text("config", "--list", "--includes", "--show-scope", "-z").split("\0")
    entries = (
        (scope, *entry.partition("\n")) for scope, entry in zip(fields[::2], fields[1::2], strict=False)
    )
    settings = [
        (name, value)
        for scope, name, _, value in entries
        if scope in _USER_SCOPES and name.startswith(_CONNECTION)
    ]
    settings += [(name, os.environ[known]) for known, name in _BY_ENVIRONMENT.items() if known in os.environ]
    public = without_account(url)
    if public != url:
        settings.append((f"url.{url}.insteadOf", public))
    return (*settings, *trusted_server(url))
