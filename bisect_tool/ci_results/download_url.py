"""Download a URL that a user gave, without a token."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bisect_tool.ci_results.http import Client
from bisect_tool.ci_results.service_access import Service
from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_TAKES = "Use the URL of a JUnit XML file, or of an archive of such files."


def download(url: str, limit: int) -> bytes:
    """Return the content of a URL, at most `limit` bytes.

    Raises:
        UsageError: the URL is malformed, the server rejects the request, or the content is longer.
        EnvironmentFailed: the server cannot be reached.
    """
    address = split_url(url)
    if not address.hostname or not address.path.strip("/"):
        raise UsageError(f"{clean_line(url, 200)} does not name a file", _TAKES)
    origin = f"{address.scheme}://{address.netloc}"
    with Client(Service(address.hostname, origin, origin)) as client:
        return client.content(url, limit)


def split_url(url: str) -> SplitResult:
    """Split a URL that a user gave; raises UsageError if it is malformed."""
    try:
        return urlsplit(url)
    except ValueError as error:
        what = f"{clean_line(url, 200)} is not a URL: {clean_line(str(error), 200)}"
        raise UsageError(what, _TAKES) from None
