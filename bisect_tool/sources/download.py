"""Download a URL that a user gave, without a token."""

from __future__ import annotations

from urllib.parse import urlsplit

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.sources.http import Client
from bisect_tool.sources.service import Service


def download(url: str, limit: int) -> bytes:
    """Return the content of a URL, at most `limit` bytes.

    Raises:
        UsageError: the URL is malformed, the server rejects the request, or the content is longer.
        EnvironmentFailed: the server cannot be reached.
    """
    address = urlsplit(url)
    if not address.hostname or not address.path.strip("/"):
        raise UsageError(f"{clean_line(url, 200)} names no file")
    origin = f"{address.scheme}://{address.netloc}"
    with Client(Service(address.hostname, origin, origin)) as client:
        return client.content(url, limit)
