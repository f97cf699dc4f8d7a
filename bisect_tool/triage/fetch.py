"""Fetch the page that a URL names, without a token, where it is public."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.triage.address import build_address, issue_address

if TYPE_CHECKING:
    from bisect_tool.triage.address import IssueAddress

_TIMEOUT_S = 30.0
_LIMIT = 32 * 2**20
_PAGES = 10
_HEADERS = {"User-Agent": "bisect-run", "Accept": "application/json"}


def fetch_page(address: str) -> str:
    """What the API says of an issue or a build, as JSON that `read_page` understands.

    Raises:
        UsageError: the address names neither.
        EnvironmentFailed: it cannot be fetched; the hint says how to save it.
    """
    if issue := issue_address(address):
        return _issue(issue)
    build = build_address(address)
    if build is None:
        raise UsageError(
            f"{clean_line(address, 300)} names no issue and no build",
            "Give an issue of GitHub, a build of Buildkite or a run of GitHub Actions, or a file.",
        )
    if build.service == "github":
        run = f"https://github.com/{build.pipeline}/actions/runs/{build.number}"
        raise EnvironmentFailed(
            f"the log of {run} is only for people who are logged in",
            f"gh run view {build.number} --log-failed --repo {build.pipeline} | bisect-run explain -",
        )
    page = f"https://buildkite.com/{build.pipeline}/builds/{build.number}"
    return json.dumps([_get(f"{page}.json", page), {"body": address}])  # the address may name a job


def _issue(issue: IssueAddress) -> str:
    """The issue with its comments and its timeline, which has the pull requests that refer to it."""
    parts = {
        "issue": _get(issue.api, issue.page),
        "comments": _all(f"{issue.api}/comments", issue.page),
        "timeline": _all(f"{issue.api}/timeline", issue.page),
    }
    return json.dumps(parts)


def _all(url: str, page: str) -> list[Any]:
    found: list[Any] = []
    for number in range(1, _PAGES + 1):
        part = _get(f"{url}?per_page=100&page={number}", page)
        found += part if isinstance(part, list) else []
        if not isinstance(part, list) or len(part) < 100:
            break
    return found


def _get(url: str, page: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        with requests.get(url, headers=_HEADERS, timeout=_TIMEOUT_S, stream=True) as answer:
            if not answer.ok:
                raise _failed(page, f"HTTP {answer.status_code}")
            return json.loads(_body(answer, page))
    except requests.RequestException as error:
        raise _failed(page, type(error).__name__) from None
    except ValueError:
        raise _failed(page, "the answer is no JSON") from None


def _body(answer: requests.Response, page: str) -> bytes:
    body = b""
    for block in answer.iter_content(1 << 16):
        body += block
        if len(body) > _LIMIT:
            raise _failed(page, f"the answer is longer than {_LIMIT} bytes")
    return body


def _failed(page: str, why: str) -> EnvironmentFailed:
    return EnvironmentFailed(
        f"{clean_line(page, 300)} cannot be fetched: {why}",
        "Open it in a browser, save the page, and run `bisect-run triage FILE` on it.",
    )
