"""Send one request to a service, and read a bounded part of its answer; redirects are not followed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from bisect_tool.parse_untrusted import parse_json
from bisect_tool.transfer_timeout import CHUNK, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from bisect_tool.transfer_timeout import OnChunk

_TIMEOUT = (10, 60)
_LIMIT = 64 << 20
"""Bytes; a longer answer is cut, and no JSON then."""
_NOT_JSON = object()


@dataclass(frozen=True)
class Reply:
    """An answer: its HTTP status, headers, content, and the URL of the next page or empty."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    next_url: str

    @property
    def is_json(self) -> bool:
        """Whether the content is JSON."""
        return self.body is not _NOT_JSON

    @cached_property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """The content as a value."""
        try:
            return parse_json(self.content)
        except ValueError:
            return _NOT_JSON


def send(request: Callable[..., requests.Response], method: str, url: str, **options: object) -> Reply:
    """Send a request with `requests.request`, or that of a session, and return the answer.

    Raises:
        requests.RequestException: the service cannot be reached, is too slow, or the URL is malformed.
    """
    return transfer(partial(_sent, partial(request, method, url, **options)))


def _sent(request: Callable[..., requests.Response], on_chunk: OnChunk) -> Reply:
    with request(timeout=_TIMEOUT, allow_redirects=False, stream=True) as response:
        on_chunk(0)
        next_url = response.links.get("next", {}).get("url", "")
        return Reply(response.status_code, response.headers, _beginning(response, on_chunk), next_url)


def _beginning(response: requests.Response, on_chunk: OnChunk) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(CHUNK):
        on_chunk(len(chunk))
        content += chunk
        if len(content) > _LIMIT:
            break
    return bytes(content[:_LIMIT])
