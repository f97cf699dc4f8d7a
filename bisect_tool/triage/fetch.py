"""Fetch the page that a URL names: with a token what it may read, without one what is public."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results import buildkite_client, github_client
from bisect_tool.ci_results.http import Client
from bisect_tool.errors import BisectError, EnvironmentFailed, UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.triage.address import build_address, issue_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bisect_tool.ci_results.service_access import Service
    from bisect_tool.triage.address import IssueAddress
    from bisect_tool.triage.mentions import BuildMention

_PATIENCE_S = 60.0
_PAGES = 10
_PULLS = 20
_BUILD_PAGES = "https://buildkite.com"


def fetch_page(
    address: str, environment: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
) -> str:
    """What the API says of an issue or a build, as JSON that `read_page` understands.

    Args:
        address: of the issue or the build.
        environment: may have tokens, and other addresses of the services (see `ci_results`).
        sleep: waits between tries.

    Raises:
        UsageError: the address names neither.
        EnvironmentFailed: it cannot be fetched; the hint says how to save it.
    """
    issue, build = issue_address(address), build_address(address)
    if issue is not None:
        service = replace(github_client.service(environment), scope="issues=read")
        return _fetched(issue.page, service, sleep, lambda client: _issue(client, issue))
    if build is None:
        raise UsageError(
            f"{clean_line(address, 300)} is not the URL of an issue or a build",
            "Use the URL of a GitHub issue, a Buildkite build or a GitHub Actions run, or a file.",
        )
    if build.service == "github":
        run = f"https://github.com/{build.pipeline}/actions/runs/{build.number}"
        raise EnvironmentFailed(
            f"the log of {run} can be read only after a login",
            f"Use: gh run view {build.number} --log-failed --repo {build.pipeline} | bisect-run explain -",
        )
    page = f"{_BUILD_PAGES}/{build.pipeline}/builds/{build.number}"
    service, path = _build(build, environment)
    return _fetched(page, service, sleep, lambda client: [client.json(path), {"body": address}])


def _fetched(
    page: str, service: Service, sleep: Callable[[float], None], read: Callable[[Client], object]
) -> str:
    try:
        with Client(service, sleep=sleep, patience=_PATIENCE_S) as client:
            return json.dumps(read(client))
    except BisectError as error:
        token = service.token_variable
        other = f"Set {token} to a token with scope {service.scope}, or open" if token else "Open"
        raise EnvironmentFailed(
            f"{clean_line(page, 300)} cannot be fetched: {error.message}",
            f"{other} it in a browser, save the page, and run `bisect-run triage FILE` on it.",
        ) from None


def _build(build: BuildMention, environment: Mapping[str, str]) -> tuple[Service, str]:
    """Where a build is read, and its path there: without a token its page says less, and no jobs."""
    service = buildkite_client.service(environment)
    organization, _, slug = build.pipeline.partition("/")
    if service.token:
        return service, f"/v2/organizations/{organization}/pipelines/{slug}/builds/{build.number}"
    url = environment.get(buildkite_client.ADDRESS, "").rstrip("/") or _BUILD_PAGES
    public = replace(service, url=url, public_url=_BUILD_PAGES)
    return public, f"/{build.pipeline}/builds/{build.number}.json"


def _issue(client: Client, issue: IssueAddress) -> dict[str, Any]:
    """The issue with its comments and its timeline, which has the pull requests that refer to it."""
    path = f"/repos/{issue.project}/issues/{issue.number}"
    found = {
        "issue": client.json(path),
        "comments": _all(client, f"{path}/comments"),
        "timeline": _all(client, f"{path}/timeline"),
    }
    if client.has_token:  # people without one have few requests an hour
        for pull in islice(_merged_pulls(found, issue), _PULLS):
            details = client.json(f"/repos/{issue.project}/pulls/{pull['number']}")
            pull["merge_commit_sha"] = details.get("merge_commit_sha") if isinstance(details, dict) else None
    return found


def _all(client: Client, path: str) -> list[Any]:
    pages = islice(client.pages(path, {"per_page": "100"}), _PAGES)
    return [each for page in pages if isinstance(page, list) for each in page]


def _merged_pulls(found: dict[str, Any], issue: IssueAddress) -> Iterator[dict[str, Any]]:
    """The pull requests of the project that were merged, of which an issue does not say the commit."""
    sources = [event.get("source") for event in found["timeline"] if isinstance(event, dict)]
    named = [source.get("issue") for source in sources if isinstance(source, dict)]
    project = f"/repos/{issue.project}/"
    for each in (found["issue"], *named):
        pull = each.get("pull_request") if isinstance(each, dict) else None
        if not isinstance(each, dict) or not isinstance(pull, dict):
            continue
        own = project in str(pull.get("url", project)) and isinstance(each.get("number"), int)
        if own and pull.get("merged_at"):
            yield each
