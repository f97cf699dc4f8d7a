"""Send the token of a service as a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase

if TYPE_CHECKING:
    from requests import PreparedRequest


class Bearer(AuthBase):
    """Sends a token. As an auth object, since `~/.netrc` would replace a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
