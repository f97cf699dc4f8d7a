"""Builds of a Buildkite pipeline, read through its REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bisect_tool.sources import buildkite
from bisect_tool.sources.answer import UnexpectedAnswer
from bisect_tool.sources.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bisect_tool.sources.http import Client
    from bisect_tool.sources.observation import Observation
    from bisect_tool.sources.series import Series

TOKEN = "BUILDKITE_API_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "BUILDKITE_API_URL"
_PUBLIC = "https://api.buildkite.com"
_PAGE = "100"


def service(environment: Mapping[str, str]) -> Service:
    """Buildkite, at the address and with the token of the environment."""
    url = environment.get(ADDRESS, "").rstrip("/") or _PUBLIC
    token = environment.get(TOKEN, "")
    return Service(buildkite.SERVICE, url, _PUBLIC, token, TOKEN, "read_builds", "read_build_logs")


def read_series(client: Client, pipeline: str, series: Series, since: datetime) -> Iterator[Observation]:
    """The results of the builds of `organization/pipeline` that were created since a time.

    Jobs are requested only of builds that belong to the series: a busy pipeline has hundreds a day.
    """
    organization, _, slug = pipeline.partition("/")
    path = f"/v2/organizations/{organization}/pipelines/{slug}/builds"
    parameters = {
        "branch": series.branch,
        "created_from": since.isoformat(),
        "exclude_jobs": "true",
        "per_page": _PAGE,
    }
    for page in client.pages(path, parameters):
        for build in _listed(page):
            if buildkite.belongs(build, series):
                jobs = _jobs(client, f"{path}/{build['number']}/jobs")
                yield from buildkite.observations({**build, "jobs": jobs}, series)


def _jobs(client: Client, path: str) -> list[Any]:
    pages = client.pages(path, {"include_retried_jobs": "true", "per_page": _PAGE})
    return [job for page in pages for job in _listed(page)]


def _listed(page: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """The entries of a page.

    Raises:
        UnexpectedAnswer: it is not a list.
    """
    if not isinstance(page, list):
        raise UnexpectedAnswer(f"{buildkite.SERVICE} sent a listing that is not as documented")
    return page
