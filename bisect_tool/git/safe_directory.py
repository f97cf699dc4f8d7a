"""Explain git's refusal to read repositories of another user (`safe.directory`)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bisect_tool.errors import UsageError
from bisect_tool.git.plumbing import Git

if TYPE_CHECKING:
    from bisect_tool.git.plumbing import GitFailed

_DUBIOUS = re.compile(r"dubious ownership in repository at '(?P<path>[^']+)'")


def distrusted(spec: str, error: GitFailed) -> UsageError | None:
    """Return the error for a repository that git does not trust because of its owner; else None."""
    found = _DUBIOUS.search(error.output)
    if found is None:
        return None
    checkout = found["path"].removesuffix("/.git")
    command = f"git config --global --add safe.directory {shlex.quote(checkout)}"
    return UsageError(f"git does not trust {spec!r}", f"It belongs to another user. To trust it: {command}")


def trusted_server(url: str) -> tuple[tuple[str, str], ...]:
    """Return the setting to read a `file://` URL that the user trusts.

    Git does not pass its configuration to the server process that it starts.
    """
    scheme, _, path = url.partition("://")
    folder = Path(unquote(path.removeprefix("localhost")))
    if scheme.lower() != "file" or not folder.is_dir():
        return ()
    if not Git(folder=folder, personal=True).succeeds("rev-parse", "--git-dir"):
        return ()
    return (("remote.origin.uploadpack", "git -c safe.directory='*' upload-pack"),)
