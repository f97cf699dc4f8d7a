"""What a URL holds that a user gave, without a token."""

from __future__ import annotations

from urllib.parse import urlsplit

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.sources.http import Client
from bisect_tool.sources.service import Service


def download(url: str, limit: int) -> bytes:
    """The content of a URL of at most `limit` bytes.

    Raises:
        UsageError: it is no address of a server, the server refuses it, or it is longer.
        EnvironmentFailed: the server cannot be reached.
    """
    address = urlsplit(url)
    if not address.hostname or not address.path.strip("/"):
        raise UsageError(f"{clean_line(url, 200)} names no file")
    origin = f"{address.scheme}://{address.netloc}"
    with Client(Service(address.hostname, origin, origin)) as client:
        return client.content(url, limit)
