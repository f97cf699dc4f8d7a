"""GET requests to a CI service: retries, paging, rate limits, and a cache by ETag.

Rate limits apply to the tokens of a whole organisation together, so we use at most half of the limit.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import requests

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.bearer_token import Bearer
from bisect_tool.ci_results.etag_cache import CachedAnswer
from bisect_tool.ci_results.rate_limit import is_refusal, rate_limit, wait_after_refusal
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.parse_untrusted import parse_json, value_at
from bisect_tool.sanitise import clean_line
from bisect_tool.transfer_timeout import CHUNK, OnChunk, TooSlow, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bisect_tool.ci_results.etag_cache import EtagCache
    from bisect_tool.ci_results.service_access import Service

_log = logging.getLogger("bisect_run.ci_results")
_TIMEOUT = (10, 60)
_TRIES = 5
_PAGES = 100
_JSON_LIMIT = 64 << 20
_LOG_HEAD, _LOG_TAIL = 4 << 20, 32 << 20
_INTERRUPTED = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


_MISLED = (requests.RequestException, ValueError)
"""What malformed URLs raise, our own or those of redirects."""


class _NotJson(Exception):
    """The answer is not JSON."""


@dataclass(frozen=True)
class _Request:
    """A request; `take` reads the body, and `scope` is the required scope of the token."""

    url: str
    headers: Mapping[str, str]
    take: Callable[[requests.Response, OnChunk], bytes]
    scope: str

    @property
    def shown(self) -> str:
        """The URL without its query: that of a signed URL is a secret."""
        return self.url.partition("?")[0]


class Client:
    """Reads JSON and logs of a service; a context manager that closes its connections."""

    def __init__(
        self,
        service: Service,
        cache: EtagCache | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        patience: float = 3600.0,
    ) -> None:
        """Connect on the first request.

        Args:
            service: its URL and token.
            cache: of pages that were read before.
            sleep: waits for some seconds.
            now: the time, in seconds since the epoch.
            patience: the longest wait for a rate limit, in seconds.
        """
        self._service = service
        self._cache = cache
        self._sleep = sleep
        self._now = now
        self._patience = patience
        self._pause = 0.0
        self._sent = 0
        self._session = requests.Session()
        if service.token:
            self._session.auth = Bearer(service.token, service.token_variable)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def has_token(self) -> bool:
        """Whether requests carry a token."""
        return bool(self._service.token)

    def json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at a path, which has one page; raises the errors of `pages`."""
        return next(self.pages(path, {}))

    @property
    def sent(self) -> int:
        """The number of requests so far, including those that failed."""
        return self._sent

    def pages(self, path: str, parameters: Mapping[str, str | Sequence[str]]) -> Iterator[Any]:
        """Yield the bodies of all pages of a listing.

        Raises:
            EnvironmentFailed: the service cannot be reached, or its answer is not JSON.
            UsageError: the token is rejected, or the listing does not exist.
        """
        url = self._address(path, parameters)
        for _ in range(_PAGES):
            page = self._page(url)
            yield page.body
            if not page.next_url:
                return
            url = page.next_url
        raise UnexpectedAnswer(f"{self._service.name} lists more than {_PAGES} pages of {path}")

    def _address(self, path: str, parameters: Mapping[str, str | Sequence[str]]) -> str:
        request = requests.Request("GET", f"{self._service.url}{path}", params=dict(parameters))
        try:
            return str(request.prepare().url)
        except _MISLED:
            raise EnvironmentFailed(
                f"the address of {self._service.name} is not a URL: {clean_line(self._service.url, 200)}",
                "Correct or unset BUILDKITE_API_URL or GITHUB_API_URL.",
            ) from None

    def log(self, url: str) -> bytes:
        """Return the text of a log in UTF-8; of a long one, its beginning and end.

        Raises:
            EnvironmentFailed: the service cannot be reached.
            Absent: the log does not exist, or was deleted.
            UsageError: the token is rejected.
        """
        return self._get(_Request(url, {}, _head_and_tail, self._service.log_scope))[1]

    def content(self, url: str, limit: int) -> bytes:
        """Return the content of a URL.

        Raises:
            EnvironmentFailed: the service cannot be reached.
            Absent: it does not exist.
            UsageError: the request is rejected, or the content is longer than `limit` bytes.
        """
        return self._get(_Request(url, {}, partial(_whole, limit=limit), self._service.log_scope))[1]

    def _page(self, url: str) -> CachedAnswer:
        kept = self._cache.get(url) if self._cache else None
        headers = {"If-None-Match": kept.etag} if kept else {}
        response, body = self._get(_Request(url, headers, _json, self._service.scope))
        next_url = response.links.get("next", {}).get("url", "")  # else in the body
        if kept and response.status_code == requests.codes.not_modified:
            # A full page stays as it is when entries follow on a new one.
            return replace(kept, next_url=next_url or kept.next_url)
        found = parse_json(body)
        named = value_at(found, "links", "next")
        next_url = next_url or (named if isinstance(named, str) else "")
        page = CachedAnswer(url, response.headers.get("ETag", ""), found, next_url)
        if page.etag and self._cache:
            self._cache.put(page)
        return page

    def _get(self, request: _Request) -> tuple[requests.Response, bytes]:
        """Send a request until the answer is complete; retry temporary failures."""
        request, reason = replace(request, url=self._service.own(request.url)), ""
        for attempt in range(_TRIES):
            self._wait()
            self._sent += 1
            try:
                reason, response, body = transfer(partial(self._answer, request, attempt))
                if not reason:
                    return response, body
            except TooSlow as error:
                raise EnvironmentFailed(
                    f"{self._service.name} is too slow: {clean_line(request.shown, 300)}: {error}",
                    "Try again later.",
                ) from None
            except (*_INTERRUPTED, _NotJson) as error:
                reason = "the response is not JSON" if isinstance(error, _NotJson) else type(error).__name__
                self._pause = max(self._pause, 2.0**attempt)
            except _MISLED as error:
                # The message may have the URL of a redirect, which can be a secret.
                raise UnexpectedAnswer(
                    f"cannot request {clean_line(request.shown, 300)} from {self._service.name}: "
                    f"it is not a URL, or redirects to something that is not one: {type(error).__name__}"
                ) from None
            _log.warning("GET %s: %s, try %d of %d", request.shown, reason, attempt + 1, _TRIES)
        raise EnvironmentFailed(
            f"{self._service.name} does not answer: {reason} ({_TRIES} tries)", "Try again later."
        )

    def _answer(
        self, request: _Request, attempt: int, on_chunk: OnChunk
    ) -> tuple[str, requests.Response, bytes]:
        """Return the reason why the answer cannot be used (or empty), the answer, and its body."""
        headers = dict(request.headers)
        with self._session.get(request.url, headers=headers, timeout=_TIMEOUT, stream=True) as response:
            on_chunk(0)
            _log.debug("GET %s: HTTP %d", request.shown, response.status_code)
            reason = self._retry_reason(response, attempt, request.scope)
            return reason, response, b"" if reason else request.take(response, on_chunk)

    def _wait(self) -> None:
        if self._pause > self._patience:
            raise EnvironmentFailed(
                f"the rate limit of {self._service.name} is exhausted for {self._pause / 60:.0f} minutes",
                "Try again later.",
            )
        if self._pause:
            _log.info("waiting %.0f s before the next request", self._pause)
            self._sleep(self._pause)
        self._pause = 0.0

    def _retry_reason(self, response: requests.Response, attempt: int, scope: str) -> str:
        """Return why to retry a request, or empty; sets the pause before the next one."""
        status, headers = response.status_code, response.headers
        body = next(response.iter_content(CHUNK), b"") if status == requests.codes.forbidden else b""
        if is_refusal(status, headers, self._now(), body):
            self._pause = max(1.0, wait_after_refusal(headers, self._now()))
            return "the rate limit is exhausted"
        limit = rate_limit(headers, self._now())
        self._pause = limit.pause if limit and self.has_token else 0.0
        if status >= requests.codes.server_error:
            self._pause = max(self._pause, 2.0**attempt)
            return f"HTTP {status}"
        if status >= requests.codes.bad_request:
            raise self._service.rejection(status, headers, scope)
        return ""


def _json(response: requests.Response, on_chunk: OnChunk) -> bytes:
    """Read a body that must be JSON: a truncated one is requested again."""
    body = _whole(response, on_chunk, _JSON_LIMIT)
    if response.status_code != requests.codes.not_modified or "If-None-Match" not in response.request.headers:
        try:
            parse_json(body)
        except ValueError:
            raise _NotJson from None
    return body


def _whole(response: requests.Response, on_chunk: OnChunk, limit: int) -> bytes:
    body = bytearray()
    for chunk in _chunks(response, on_chunk):
        body += chunk
        if len(body) > limit:
            host = urlsplit(response.url).hostname
            raise UsageError(f"the response of {host} is larger than {limit >> 20} MiB")
    return bytes(body)


def _head_and_tail(response: requests.Response, on_chunk: OnChunk) -> bytes:
    """Read a body of any length in bounded memory; a line says how much of a long one is left out."""
    head, length = bytearray(), 0
    tail: deque[bytes] = deque(maxlen=_LOG_TAIL // CHUNK)
    for chunk in _chunks(response, on_chunk):
        length += len(chunk)
        if len(head) < _LOG_HEAD:
            head += chunk
        else:
            tail.append(chunk)
    left_out = length - len(head) - sum(map(len, tail))
    cut = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
    return bytes(head) + cut + b"".join(tail)


def _chunks(response: requests.Response, on_chunk: OnChunk) -> Iterator[bytes]:
    for chunk in response.iter_content(CHUNK):
        on_chunk(len(chunk))
        yield chunk
