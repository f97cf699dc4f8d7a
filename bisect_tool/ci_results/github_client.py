"""Read the runs of a GitHub Actions workflow through the REST API."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results import github
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.service_access import Service
from bisect_tool.ci_results.truncated_listing import windowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.job_reports import Artefact
    from bisect_tool.ci_results.listing import Listing
    from bisect_tool.ci_results.observation import Observation

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "GITHUB_API_URL"
_PUBLIC = "https://api.github.com"
_PAGE = "100"
LIMIT = 1000
"""The most runs that GitHub lists for a filter."""


def service(environment: Mapping[str, str]) -> Service:
    """Return GitHub as a service, with the URL and token of the environment."""
    url = environment.get(ADDRESS, "").rstrip("/") or _PUBLIC
    token = environment.get(TOKEN, "")
    return Service(github.SERVICE, url, _PUBLIC, token, TOKEN, "actions=read", "actions=read")


def read_series(
    client: Client, repository: str, workflow: str, listing: Listing, since: datetime
) -> Iterator[Observation]:
    """Yield the results of the runs of a workflow (its file name) created since a time, of all attempts."""

    def results(run: Any) -> tuple[Observation, ...]:  # noqa: ANN401 - JSON
        found = github.listed(run, listing.series)
        listing.record(found)
        if not found.belongs:
            return ()
        jobs = jobs_of(client, repository, found.number)
        listing.record_jobs(github.job_names(jobs))
        return github.observations(run, jobs, listing.series)

    path = f"/repos/{repository}/actions/workflows/{workflow}/runs"
    for run in _runs(client, path, listing.series.branch, since):
        yield from listing.read(run, "id", partial(results, run))


def _runs(client: Client, path: str, branch: str, since: datetime) -> Iterator[Any]:
    """Yield the runs of the listing, newest first."""

    def pages(until: datetime | None) -> Iterator[list[Any]]:
        created = f"{since.isoformat()}..{until.isoformat()}" if until else f">={since.isoformat()}"
        parameters = {"branch": branch, "created": created, "per_page": _PAGE}
        return (_listed(page, "workflow_runs") for page in client.pages(path, parameters))

    return windowed(pages, LIMIT, "id")


def runs_at(client: Client, repository: str, workflow: str, parameters: Mapping[str, str]) -> list[Any]:
    """Return the runs of a workflow that match a filter, such as `head_sha`."""
    path = f"/repos/{repository}/actions/workflows/{workflow}/runs"
    pages = client.pages(path, {**parameters, "per_page": _PAGE})
    return [run for page in pages for run in _listed(page, "workflow_runs")]


def jobs_of(client: Client, repository: str, run: int | str) -> list[Any]:
    """Return the jobs of a run, of all attempts."""
    path = f"/repos/{repository}/actions/runs/{run}/jobs"
    pages = client.pages(path, {"filter": "all", "per_page": _PAGE})
    return [job for page in pages for job in _listed(page, "jobs")]


def artefacts(client: Client, repository: str, run: str) -> tuple[Artefact, ...]:
    """Return the artefacts of a run, of all attempts."""
    pages = client.pages(f"/repos/{repository}/actions/runs/{run}/artifacts", {"per_page": _PAGE})
    return tuple(github.artefact(each) for page in pages for each in _listed(page, "artifacts"))


def _listed(page: Any, name: str) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the entries of a page.

    Raises:
        UnexpectedAnswer: they are missing.
    """
    entries = page.get(name) if isinstance(page, dict) else None
    if not isinstance(entries, list):
        raise UnexpectedAnswer(f"{github.SERVICE} sent a listing that is not as documented: {name}")
    return entries
