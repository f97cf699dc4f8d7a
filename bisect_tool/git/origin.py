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
_REMOTE = re.compile(r"(?P<name>[^\t]+)\t(?P<url>.+) \(fetch\)( \[.*\])?")


def origin_url(spec: str, source: Path | None) -> str:
    """Return the public URL of the repository `spec`, whose git directory is `source`; else empty.

    For a checkout, it is that of the remote `origin`, or of its only remote. A folder is not public.
    """
    if source is None:
        return public(spec) if clone.is_url(spec) else ""
    try:
        urls = remote_urls(Git(git_dir=source, personal=True))
    except GitFailed:
        return ""
    return public(urls.get("origin", next(iter(urls.values())) if len(urls) == 1 else ""))


def remote_urls(git: Git) -> dict[str, str]:
    """Return the URL that each remote fetches from, the first if it has several; raises GitFailed."""
    listed = (_REMOTE.fullmatch(line) for line in git.lines("remote", "-v"))
    return {match["name"]: match["url"] for match in reversed([*filter(None, listed)])}


def public(url: str) -> str:
    """Return a URL that can be published; empty for a path on this machine."""
    if _LOCAL.match(url) or not _NETWORK.match(url):
        return ""
    bare = _QUERY.sub("", url)
    return _HTTP_ACCOUNT.sub("", bare) if bare.lower().startswith("http") else _PASSWORD.sub(r"\1@", bare)
