"""Explain git's refusal to read repositories of another user (`safe.directory`)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bisect_tool.errors import UsageError
from bisect_tool.git.plumbing import Git

if TYPE_CHECKING:
    from bisect_tool.git.plumbing import GitFailed

_DUBIOUS = re.compile(r"dubious ownership in repository at '(?P<path>[^']+)'")


def distrusted(spec: str, error: GitFailed) -> UsageError | None:
    """The error of a repository that git does not read because it belongs to someone else; else None."""
    found = _DUBIOUS.search(error.said)
    if found is None:
        return None
    checkout = found["path"].removesuffix("/.git")
    command = f"git config --global --add safe.directory {shlex.quote(checkout)}"
    return UsageError(f"git does not trust {spec!r}", f"it belongs to someone else: {command}")


def trusted_server(url: str) -> tuple[tuple[str, str], ...]:
    """The setting by which a `file://` URL that the user trusts is read.

    Git starts its server without the configuration that it was started with itself.
    """
    parts = urlsplit(url)
    folder = Path(unquote(parts.path))
    if parts.scheme != "file" or not folder.is_dir():
        return ()
    if not Git(folder=folder, personal=True).succeeds("rev-parse", "--git-dir"):
        return ()
    return (("remote.origin.uploadpack", "git -c safe.directory='*' upload-pack"),)
