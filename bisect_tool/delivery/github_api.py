"""Send requests to GitHub's REST API with a token that may write.

Reads and edits are retried when the answer is lost. Creations are not: they may have succeeded, and raise
`LostAnswer`. Writes are a second apart, as GitHub recommends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import requests

from bisect_tool import write_tokens
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.sanitise import clean_line
from bisect_tool.sources.answer import UnexpectedAnswer
from bisect_tool.sources.bearer import Bearer
from bisect_tool.sources.rate_limit import is_refusal, wait_after_refusal
from bisect_tool.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.delivery.clock import Clock

_log = logging.getLogger("bisect_run.delivery")
TOKEN = write_tokens.GITHUB
DEFAULT_URL = "https://api.github.com"
_TIMEOUT = (10, 60)
_NEXT_NIGHT = "The next night delivers what is missing."
_TRIES = 5
_PAGES = 100
_LONGEST_WAIT = 900
_PACE_S = 1.0
_READ = "GET"
_POST = "POST"
_MOVED = (301, 302, 307, 308)


class LostAnswer(EnvironmentFailed):
    """The answer to a creation was lost: it may have succeeded."""


class Rejected(EnvironmentFailed):
    """GitHub rejects a request permanently; `status` is the HTTP status."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.status = status


class GithubApi:
    """Sends requests; a context manager that closes its connections.

    Every method raises EnvironmentFailed if GitHub cannot be reached, and Rejected, which names the missing
    permission.
    """

    def __init__(self, url: str, token: str, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self.clock = clock
        self._next_write = 0.0
        self._session = requests.Session()
        self._session.auth = Bearer(token, TOKEN)
        self._session.headers["Accept"] = "application/vnd.github+json"
        self._session.headers["X-GitHub-Api-Version"] = "2022-11-28"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at a path."""
        return self._body(self._request(_READ, self._address(path, parameters)))

    def entries(self, path: str, **parameters: str) -> Iterator[Any]:
        """Yield the entries of all pages of a listing."""
        url = self._address(path, {**parameters, "per_page": "100"})
        for _ in range(_PAGES):
            response = self._request(_READ, url)
            page = self._body(response)
            if not isinstance(page, list):
                raise UnexpectedAnswer("GitHub sent a listing that is not as documented")
            yield from page
            following = response.links.get("next", {}).get("url", "")
            if not following:
                return
            url = self._same_server(following)
        raise UnexpectedAnswer(f"GitHub lists more than {_PAGES} pages of {path}")

    def create(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Create something.

        Raises:
            LostAnswer: it is unknown whether it was created.
        """
        return self._body(self._request(_POST, self._address(path, {}), body, creates=True))

    def query(self, text: str) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a GraphQL query. On GitHub Enterprise, its URL is beside `/api/v3`."""
        url = f"{self._url.removesuffix('/v3')}/graphql"
        return self._body(self._request(_POST, url, {"query": text}))

    def edit(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Change something; the change must be idempotent."""
        return self._body(self._request("PATCH", self._address(path, {}), body))

    def _address(self, path: str, parameters: Mapping[str, str]) -> str:
        try:
            return str(requests.Request("GET", f"{self._url}{path}", params=parameters).prepare().url)
        except requests.RequestException:
            raise EnvironmentFailed(
                f"GITHUB_API_URL is not a URL: {clean_line(self._url, 200)}", "Unset it, or correct it."
            ) from None

    def _request(
        self, method: str, url: str, body: object = None, *, creates: bool = False
    ) -> requests.Response:
        """Send a request, retrying temporary failures; a creation only after a rate limit rejection."""
        reason = ""
        for attempt in range(_TRIES):
            self._pace(method)
            try:
                response = transfer(
                    lambda _: self._session.request(
                        method, url, json=body, timeout=_TIMEOUT, allow_redirects=False
                    )
                )
                reason = f"HTTP {response.status_code}"
                wait = self._wait(response, attempt)
                if wait is None:
                    self._check(response, method, url)
                    response.json()
                    return response
                refused = response.status_code < 500
            except requests.RequestException as error:  # an answer that is cut is no JSON, and is one as well
                reason, wait, refused = type(error).__name__, 2.0**attempt, False
            _log.warning("%s %s: %s, try %d of %d", method, url, reason, attempt + 1, _TRIES)
            if creates and not refused:
                raise LostAnswer(f"GitHub does not answer: {reason}", _NEXT_NIGHT)
            if attempt < _TRIES - 1:
                self.clock.sleep(wait)
        raise EnvironmentFailed(f"GitHub does not answer: {reason} ({_TRIES} tries)", _NEXT_NIGHT)

    def _pace(self, method: str) -> None:
        if method == _READ:
            return
        wait = min(self._next_write - self.clock.now(), _PACE_S)
        if wait > 0:
            self.clock.sleep(wait)
        self._next_write = self.clock.now() + _PACE_S

    def _wait(self, response: requests.Response, attempt: int) -> float | None:
        """Return how long to wait before a retry; None if the answer is final."""
        status, headers, now = response.status_code, response.headers, self.clock.now()
        if is_refusal(status, headers, now, response.content):
            wait = max(1.0, wait_after_refusal(headers, now))
            if wait > _LONGEST_WAIT:
                raise EnvironmentFailed(
                    f"the rate limit of GitHub is exhausted for {wait / 60:.0f} minutes", _NEXT_NIGHT
                )
            return wait
        return 2.0**attempt if status >= requests.codes.server_error else None

    def _check(self, response: requests.Response, method: str, url: str) -> None:
        """Check the status of an answer.

        Raises:
            Rejected: the request was rejected.
        """
        status = response.status_code
        if status < requests.codes.multiple_choices:
            return
        raise Rejected(status, *_rejection(response, f"{method} {urlsplit(url).path}"))

    def _same_server(self, url: str) -> str:
        """Return the URL of the next page, which must be on the same server, since it gets the token."""
        here, there = urlsplit(self._url), urlsplit(urljoin(f"{self._url}/", url))
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise UnexpectedAnswer(f"GitHub refers to another server: {clean_line(url, 200)}")
        return there.geturl()

    @staticmethod
    def _body(response: requests.Response) -> Any:  # noqa: ANN401 - JSON
        return response.json()


def _rejection(response: requests.Response, request: str) -> tuple[str, str]:
    """Return a message and a hint for a permanent rejection (HTTP 3xx or 4xx)."""
    status, headers = response.status_code, response.headers
    permission = headers.get("X-Accepted-GitHub-Permissions") or headers.get("X-Accepted-OAuth-Scopes")
    needed = clean_line(permission or "issues=write, and pull_requests=write to comment on them", 200)
    if status in _MOVED:
        return f"the repository has moved: {request}", "Use its new name."
    if status == requests.codes.unauthorized:
        return "GitHub does not accept the token", f"Is {TOKEN} right, and not expired?"
    if status == requests.codes.forbidden:
        said = _error_text(response)
        return (
            f"the token may not {request}{f' ({said})' if said else ''}",
            f"{TOKEN} needs the permission {needed}.",
        )
    if status == requests.codes.not_found:
        return (
            f"GitHub does not have it, or hides it from the token: {request}",
            f"Check the name. {TOKEN} needs access to the repository, and the permission {needed}.",
        )
    if status == requests.codes.gone:
        return f"the repository has no issues: {request}", "Enable them in its settings."
    return f"GitHub rejects {request}: HTTP {status} {_error_text(response)}".rstrip(), ""


def _error_text(response: requests.Response) -> str:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return ""
    return clean_line(str(body.get("message", "")), 200) if isinstance(body, dict) else ""
