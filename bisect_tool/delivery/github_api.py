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
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.bearer_token import Bearer
from bisect_tool.ci_results.rate_limit import is_refusal, wait_after_refusal
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.http_request import send
from bisect_tool.parse_untrusted import value_at
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.delivery.clock import Clock
    from bisect_tool.http_request import Reply

_log = logging.getLogger("bisect_run.delivery")
TOKEN = write_tokens.GITHUB
DEFAULT_URL = "https://api.github.com"
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
        return self._request(_READ, self._address(path, parameters)).body

    def entries(self, path: str, **parameters: str) -> Iterator[Any]:
        """Yield the entries of all pages of a listing."""
        url = self._address(path, {**parameters, "per_page": "100"})
        for _ in range(_PAGES):
            page = self._request(_READ, url)
            if not isinstance(page.body, list):
                raise UnexpectedAnswer("GitHub sent a listing that is not as documented")
            yield from page.body
            if not page.next_url:
                return
            url = self._same_server(page.next_url)
        raise UnexpectedAnswer(f"GitHub lists more than {_PAGES} pages of {path}")

    def create(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Create something.

        Raises:
            LostAnswer: it is unknown whether it was created.
        """
        return self._request(_POST, self._address(path, {}), body, creates=True).body

    def query(self, text: str) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a GraphQL query. On GitHub Enterprise, its URL is beside `/api/v3`."""
        url = f"{self._url.removesuffix('/v3')}/graphql"
        return self._request(_POST, url, {"query": text}).body

    def edit(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Change something; the change must be idempotent."""
        return self._request("PATCH", self._address(path, {}), body).body

    def _address(self, path: str, parameters: Mapping[str, str]) -> str:
        try:
            return str(requests.Request("GET", f"{self._url}{path}", params=parameters).prepare().url)
        except requests.RequestException:
            raise EnvironmentFailed(
                f"GITHUB_API_URL is not a URL: {clean_line(self._url, 200)}", "Unset it, or correct it."
            ) from None

    def _request(self, method: str, url: str, body: object = None, *, creates: bool = False) -> Reply:
        """Send a request, retrying temporary failures; a creation only after a rate limit rejection."""
        reason = ""
        for attempt in range(_TRIES):
            self._pace(method)
            try:
                answer = send(self._session.request, method, url, json=body)
                reason = f"HTTP {answer.status}"
                wait = self._wait(answer, attempt)
                if wait is None:
                    _check(answer, method, url)
                    if answer.is_json:
                        return answer
                    reason, wait = "the response is not JSON", 2.0**attempt
                refused = requests.codes.bad_request <= answer.status < requests.codes.server_error
            except requests.RequestException as error:
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

    def _wait(self, answer: Reply, attempt: int) -> float | None:
        """Return how long to wait before a retry; None if the answer is final."""
        status, headers, now = answer.status, answer.headers, self.clock.now()
        if is_refusal(status, headers, now, answer.content):
            wait = max(1.0, wait_after_refusal(headers, now))
            if wait > _LONGEST_WAIT:
                raise EnvironmentFailed(
                    f"the rate limit of GitHub is exhausted for {wait / 60:.0f} minutes", _NEXT_NIGHT
                )
            return wait
        return 2.0**attempt if status >= requests.codes.server_error else None

    def _same_server(self, url: str) -> str:
        """Return the URL of the next page, which must be on the same server, since it gets the token."""
        try:
            here, there = urlsplit(self._url), urlsplit(urljoin(f"{self._url}/", url))
        except ValueError:
            raise UnexpectedAnswer(f"GitHub refers to what is not a URL: {clean_line(url, 200)}") from None
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise UnexpectedAnswer(f"GitHub refers to another server: {clean_line(url, 200)}")
        return there.geturl()


def _check(answer: Reply, method: str, url: str) -> None:
    """Check the status of an answer.

    Raises:
        Rejected: the request was rejected.
    """
    if answer.status >= requests.codes.multiple_choices:
        raise Rejected(answer.status, *_rejection(answer, f"{method} {urlsplit(url).path}"))


def _rejection(answer: Reply, request: str) -> tuple[str, str]:
    """Return a message and a hint for a permanent rejection (HTTP 3xx or 4xx)."""
    status, headers = answer.status, answer.headers
    permission = headers.get("X-Accepted-GitHub-Permissions") or headers.get("X-Accepted-OAuth-Scopes")
    needed = clean_line(permission or "issues=write (for --comment-on-culprit, pull_requests=write)", 200)
    if status in _MOVED:
        return f"the repository has moved: {request}", "Use its new name."
    if status == requests.codes.unauthorized:
        return "GitHub does not accept the token", f"Check {TOKEN}: it may be wrong or expired."
    if status == requests.codes.forbidden:
        detail = _error_text(answer)
        return (
            f"the token has no permission for {request}{f' ({detail})' if detail else ''}",
            f"{TOKEN} needs the permission {needed}.",
        )
    if status == requests.codes.not_found:
        return (
            f"not found on GitHub, or not visible to the token: {request}",
            f"Check the name. {TOKEN} needs access to the repository, and the permission {needed}.",
        )
    if status == requests.codes.gone:
        return f"issues are disabled in the repository: {request}", "Enable them in its settings."
    return f"GitHub rejects {request}: HTTP {status} {_error_text(answer)}".rstrip(), ""


def _error_text(answer: Reply) -> str:
    message = value_at(answer.body, "message")
    return clean_line(message, 200) if isinstance(message, str) else ""
