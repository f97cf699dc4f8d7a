"""Read OWNER/REPO from the URL of a repository on GitHub. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.\.?$)[A-Za-z0-9._-]{1,100}")
_SSH = re.compile(r"[\w.-]+@(?P<host>[\w.-]+):/?(?P<path>.+)")


def repository_name(url: str, server: str) -> str:
    """Return `my-team/engine`; empty if the URL is not a repository on the server."""
    ssh = _SSH.fullmatch(url)
    try:
        host, path = (ssh["host"], ssh["path"]) if ssh else (urlsplit(url).hostname, urlsplit(url).path)
        expected = urlsplit(server).hostname
    except ValueError:
        return ""
    name = path.strip("/").removesuffix(".git")
    return name if host and host == expected and NAME.fullmatch(name) else ""
