"""Send the token of a service as a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase

from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from requests import PreparedRequest


class Bearer(AuthBase):
    """Sends a token. As an auth object, since `~/.netrc` would replace a plain header."""

    def __init__(self, token: str, variable: str) -> None:
        """Take the token of an environment variable.

        Raises:
            UsageError: it has a character that no token has; the error of the HTTP library would print it.
        """
        if not (token.isascii() and token.isprintable()):
            raise UsageError(
                f"{variable} contains a character that tokens cannot contain, such as a line break",
                "Set it to the token only.",
            )
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
