"""Send requests to a wheel server, and tell missing wheels from failures of the server."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

import requests

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.sanitise import clean_line
from bisect_tool.transfer_timeout import CHUNK, TooSlow, transfer
from bisect_tool.wheels.index import Index, Wheel, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from packaging.tags import Tag

    from bisect_tool.transfer_timeout import OnChunk
    from bisect_tool.wheels.settings import CommitWheels

_log = logging.getLogger("bisect_run.wheels")
TRIES = 4
_TIMEOUT = (10, 60)
_MISSING = {403, 404, 410}  # S3 answers with 403 where there is no such object
_INDEX_LIMIT = 1 << 20
_PARALLEL = 8
INTERRUPTED = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)

MISLED = (requests.RequestException, ValueError)
"""What malformed URLs raise, our own or those of redirects."""


def pause(seconds: float) -> None:
    """Wait before a retry."""
    time.sleep(seconds)


class Missing(Exception):
    """The server has no such file; `status` is the HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")


class Unavailable(EnvironmentFailed):
    """The wheel server or the network failed: nothing is known about the commit."""


class Client:
    """Reads from one wheel server; a context manager that closes its connections."""

    def __init__(self, settings: CommitWheels, sleep: Callable[[float], None] | None = None) -> None:
        self.settings = settings
        self.sleep = sleep or pause
        self._session = requests.Session()
        self._session.max_redirects = 5

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._session.close()

    def find(self, sha: str, variant: str, supported: Collection[Tag]) -> Wheel | None:
        """Return the wheel of exactly this commit, or None.

        Raises:
            Unavailable: the server cannot be reached, or answers with 5xx.
            BadIndex: the answer is not a list of the commit's wheels.
        """
        index = Index(self.settings.url, sha, variant, self.settings.package)
        try:
            content = self._content(index.url)
        except Missing as missing:
            _log.debug("no wheel of %s, variant %r: %s", sha[:9], variant, missing)
            return None
        return choose(content, index, supported)

    def find_first(self, shas: Iterable[str], variant: str, supported: Collection[Tag]) -> Wheel | None:
        """Return the wheel of the first of these commits that has one; raises the errors of `find`."""
        found = (self.find(sha, variant, supported) for sha in shas)
        return next((wheel for wheel in found if wheel is not None), None)

    def find_all(self, shas: Iterable[str], variant: str, supported: Collection[Tag]) -> dict[str, Wheel]:
        """Return the wheels of many commits, if they have one; raises the errors of `find`."""
        wanted = tuple(dict.fromkeys(shas))
        with ThreadPoolExecutor(_PARALLEL) as pool:
            try:
                found = list(pool.map(lambda sha: self.find(sha, variant, supported), wanted))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return {sha: wheel for sha, wheel in zip(wanted, found, strict=True) if wheel is not None}

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Yield an answer whose body has not been read yet.

        Raises:
            Missing: there is no such file.
            Unavailable: HTTP 5xx, or another answer that says nothing about the file.
            requests.RequestException: one of `INTERRUPTED`, to be retried.
        """
        # A compressed answer would have no length, and no range of it would be one of the file.
        headers = {**headers, "Accept-Encoding": "identity"}
        with self._session.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as response:
            _log.debug("GET %s: HTTP %d", url, response.status_code)
            if response.status_code in _MISSING:
                raise Missing(response.status_code)
            if url.startswith("https:") and not response.url.startswith("https:"):
                raise Unavailable(f"{self._host} redirects to a server without TLS", _LATER)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise Unavailable(f"{self._host} sends compressed files", "Use another --wheel-url.")
            if response.status_code >= 400 and response.status_code != requests.codes.range_not_satisfiable:
                raise Unavailable(f"{self._host} answers with HTTP {response.status_code}", _LATER)
            yield response

    def failed(self, error: Exception) -> Unavailable:
        """Return the error of the last try, for the user."""
        if isinstance(error, Unavailable):
            return Unavailable(f"{error.message} ({TRIES} tries)", error.hint or _LATER)
        reason = clean_line(type(error).__name__)
        return Unavailable(f"{self._host} cannot be reached: {reason} ({TRIES} tries)", _LATER)

    def too_slow(self, url: str, error: TooSlow) -> Unavailable:
        """Return the error of an aborted transfer, for the user."""
        return Unavailable(f"{self._host} is too slow: {clean_line(url, 300)}: {error}", _LATER)

    @property
    def _host(self) -> str:
        return f"the wheel server at {self.settings.url}"

    def _content(self, url: str) -> bytes:
        """Return the content of a small file; retries temporary failures."""
        last: Exception = Unavailable("")
        for attempt in range(TRIES):
            if attempt:
                self.sleep(2.0 ** (attempt - 1))
            try:
                return transfer(partial(self._small, url))
            except TooSlow as error:
                raise self.too_slow(url, error) from None
            except (*INTERRUPTED, Unavailable) as error:
                _log.warning("GET %s: %s, try %d of %d", url, error, attempt + 1, TRIES)
                last = error
            except MISLED as error:
                raise self.failed(error) from error
        raise self.failed(last) from last

    def _small(self, url: str, on_chunk: OnChunk) -> bytes:
        with self.open(url, {}) as response:
            on_chunk(0)
            return _whole(response, on_chunk)


_LATER = "Try again later, or use --wheel-url with another URL, or with `none` to build from source."


def _whole(response: requests.Response, on_chunk: OnChunk) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        on_chunk(len(chunk))
        body += chunk
        if len(body) > _INDEX_LIMIT:
            raise Unavailable(f"{response.url} is longer than {_INDEX_LIMIT >> 20} MiB", _LATER)
    return bytes(body)
