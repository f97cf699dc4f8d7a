"""Build URLs of commits and of pull or merge requests, if the origin is GitHub or GitLab. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"(?P<host>github\.com|gitlab\.com|gitlab\.(?!com\b)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)"
_PATH = r"(?P<path>[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)/?"
_URL = re.compile(
    rf"(?:(?:https?|ssh|git)://(?:[^/@\s]*@)?{_HOST}(?P<port>:\d{{1,5}})?/"
    rf"|[\w-]+@{_HOST.replace('host', 'name')}:/?){_PATH}",
    re.IGNORECASE,
)
_GITHUB = "github.com"


@dataclass(frozen=True)
class Forge:
    """A project on GitHub or GitLab, by its URL; GitLab calls a pull request a merge request."""

    web: str
    gitlab: bool

    def commit(self, sha: str) -> str:
        """Return the URL of a commit."""
        return f"{self.web}/-/commit/{sha}" if self.gitlab else f"{self.web}/commit/{sha}"

    def request(self, number: int) -> str:
        """Return the URL of a pull request or merge request."""
        return f"{self.web}/-/merge_requests/{number}" if self.gitlab else f"{self.web}/pull/{number}"

    def compare(self, before: str, after: str) -> str:
        """Return the URL of the changes between two commits."""
        return (
            f"{self.web}/-/compare/{before}...{after}"
            if self.gitlab
            else f"{self.web}/compare/{before}...{after}"
        )


def forge_of(origin: str) -> Forge | None:
    """Parse the URL of a project (https, ssh, `git@host:path`); None for another host or a path."""
    match = _URL.fullmatch(origin)
    if match is None or ".." in match["path"]:
        return None
    host = (match["host"] or match["name"]).lower()
    gitlab, path = host != _GITHUB, match["path"].removesuffix(".git")
    if not gitlab and path.count("/") != 1:
        return None
    # A port of ssh or git is none of the web server's.
    port = match["port"] or "" if origin.lower().startswith("http") else ""
    scheme = "http" if origin.lower().startswith("http:") and host not in (_GITHUB, "gitlab.com") else "https"
    return Forge(f"{scheme}://{host}{port}/{path}", gitlab)


def called(number: int, forge: Forge | None) -> str:
    """Return `PR #12`, on GitLab `MR !12`."""
    return f"{kind(forge)} {mark(number, forge)}"


def kind(forge: Forge | None) -> str:
    """Return `PR`, on GitLab `MR`."""
    return "MR" if forge and forge.gitlab else "PR"


def mark(number: int, forge: Forge | None) -> str:
    """Return `#12`, on GitLab `!12`."""
    return f"{'!' if forge and forge.gitlab else '#'}{number}"
