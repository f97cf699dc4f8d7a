"""A service that is read over HTTP: its URL and token, and the errors for its rejections. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410


class Absent(UsageError):
    """The resource does not exist, or the token may not see it."""


class Forbidden(UsageError):
    """The token lacks the permission to read the resource."""


@dataclass(frozen=True)
class Service:
    """A service: its name, URL, and token.

    Attributes:
        url: the base of requests.
        public_url: the base of links in answers, if `url` is a proxy or a recording.
        token_variable: the environment variable of the token; empty if a token does not help.
        scope: the required scope of the token; `log_scope` for logs.
    """

    name: str
    url: str
    public_url: str
    token: str = field(default="", repr=False)
    token_variable: str = ""
    scope: str = ""
    log_scope: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """All required scopes of the token."""
        return tuple(dict.fromkeys((self.scope, self.log_scope)))

    def own(self, url: str) -> str:
        """Return a URL of an answer, rewritten to this service.

        Raises:
            UnexpectedAnswer: it is on another server, which must not get the token.
        """
        for prefix in (self.url, self.public_url):
            if url.startswith(f"{prefix}/"):
                return self.url + url.removeprefix(prefix)
        raise UnexpectedAnswer(f"{self.name} refers to another server: {clean_line(url, 200)}")

    def rejection(self, status: int, headers: Mapping[str, str], scope: str) -> UsageError:
        """Return the error to raise for a rejection (HTTP 4xx)."""
        name, variable = self.name, self.token_variable
        if not variable:
            kind = Absent if status in (_NOT_FOUND, _GONE) else UsageError
            return kind(f"{name} rejects the request: HTTP {status}", "Download the file, and use its path.")
        scope = clean_line(headers.get("X-Accepted-GitHub-Permissions", ""), 200) or scope
        if not self.token and status in (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND):
            return UsageError(f"{name} needs a token: HTTP {status}", f"Set {variable}, with scope {scope}.")
        if status == _UNAUTHORIZED:
            return UsageError(
                f"{name} does not accept the token", f"Check {variable}: it may be wrong or expired."
            )
        if status == _FORBIDDEN:
            return Forbidden(
                f"the {name} token lacks the scope {scope}", f"Set {variable} to one that has it."
            )
        if status in (_NOT_FOUND, _GONE):
            return Absent(
                f"{name}: not found, or not visible to this token",
                "Check the name of the pipeline or repository.",
            )
        return UsageError(f"{name} rejects the request: HTTP {status}", "Check the names and options.")
