"""Runs of a workflow of GitHub Actions, read through its REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bisect_tool.sources import github
from bisect_tool.sources.answer import UnexpectedAnswer
from bisect_tool.sources.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bisect_tool.sources.http import Client
    from bisect_tool.sources.job_reports import Artefact
    from bisect_tool.sources.observation import Observation
    from bisect_tool.sources.series import Series

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "GITHUB_API_URL"
_PUBLIC = "https://api.github.com"
_PAGE = "100"


def service(environment: Mapping[str, str]) -> Service:
    """GitHub, at the address and with the token of the environment."""
    url = environment.get(ADDRESS, "").rstrip("/") or _PUBLIC
    token = environment.get(TOKEN, "")
    return Service(github.SERVICE, url, _PUBLIC, token, TOKEN, "actions=read", "actions=read")


def read_series(
    client: Client, repository: str, workflow: str, series: Series, since: datetime
) -> Iterator[Observation]:
    """The results of the runs of a workflow (its file name) that were created since a time; all attempts."""
    parameters = {"branch": series.branch, "created": f">={since.isoformat()}", "per_page": _PAGE}
    for page in client.pages(f"/repos/{repository}/actions/workflows/{workflow}/runs", parameters):
        for run in _listed(page, "workflow_runs"):
            if github.belongs(run, series):
                jobs = client.pages(
                    f"/repos/{repository}/actions/runs/{run['id']}/jobs", {"filter": "all", "per_page": _PAGE}
                )
                every = [job for jobs_page in jobs for job in _listed(jobs_page, "jobs")]
                yield from github.observations(run, every, series)


def artefacts(client: Client, repository: str, run: str) -> tuple[Artefact, ...]:
    """The artefacts of a run, of all its attempts."""
    pages = client.pages(f"/repos/{repository}/actions/runs/{run}/artifacts", {"per_page": _PAGE})
    return tuple(github.artefact(each) for page in pages for each in _listed(page, "artifacts"))


def _listed(page: Any, name: str) -> list[Any]:  # noqa: ANN401 - JSON
    """The entries of a page.

    Raises:
        UnexpectedAnswer: they are not there.
    """
    entries = page.get(name) if isinstance(page, dict) else None
    if not isinstance(entries, list):
        raise UnexpectedAnswer(f"{github.SERVICE} sent a listing that is not as documented: {name}")
    return entries
