"""Find the public URL of a repository's origin, without account or password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.git import clone
from bisect_tool.git.plumbing import Git, GitFailed

if TYPE_CHECKING:
    from pathlib import Path

_LOCAL = re.compile(r"file:|[./~]|[A-Za-z]:[\\/]", re.IGNORECASE)
_NETWORK = re.compile(r"(?:https?|ssh|git)://|[^/:]+@[^/:]+:|[\w.-]+:(?![/:])", re.IGNORECASE)
_HTTP_ACCOUNT = re.compile(r"(?<=://)[^/@]*@")
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")
_QUERY = re.compile(r"[?#].*")


def origin_url(spec: str, source: Path | None) -> str:
    """Return the public URL of the repository `spec`, whose git directory is `source`; else empty.

    For a checkout, it is that of the remote `origin`, or of its only remote. A folder is not public.
    """
    if source is None:
        return public(spec) if clone.is_url(spec) else ""
    git = Git(git_dir=source, personal=True)
    try:
        remotes = git.lines("remote")
        name = "origin" if "origin" in remotes or len(remotes) != 1 else remotes[0]
        return public(git.text("remote", "get-url", name).strip())
    except GitFailed:
        return ""


def public(url: str) -> str:
    """Return a URL that can be published; empty for a path on this machine."""
    if _LOCAL.match(url) or not _NETWORK.match(url):
        return ""
    bare = _QUERY.sub("", url)
    return _HTTP_ACCOUNT.sub("", bare) if bare.lower().startswith("http") else _PASSWORD.sub(r"\1@", bare)
