"""Read the builds of a Buildkite pipeline through the REST API."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results import buildkite
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.service_access import Service
from bisect_tool.ci_results.truncated_listing import windowed
from bisect_tool.parse_untrusted import value_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.job_reports import Artefact
    from bisect_tool.ci_results.listing import Listing
    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.ci_results.series import Series

TOKEN = "BUILDKITE_API_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = "BUILDKITE_API_URL"
_PUBLIC = "https://api.buildkite.com"
_PAGE = 100
_PAGES = 100


def service(environment: Mapping[str, str]) -> Service:
    """Return Buildkite as a service, with the URL and token of the environment."""
    url = environment.get(ADDRESS, "").rstrip("/") or _PUBLIC
    token = environment.get(TOKEN, "")
    return Service(buildkite.SERVICE, url, _PUBLIC, token, TOKEN, "read_builds", "read_build_logs")


def read_series(client: Client, pipeline: str, listing: Listing, since: datetime) -> Iterator[Observation]:
    """Yield the results of the builds of `organization/pipeline` created since a time.

    Jobs are requested only for builds of the series: a busy pipeline has hundreds of builds a day.
    """
    path = builds_path(pipeline)

    def results(build: Any) -> tuple[Observation, ...]:  # noqa: ANN401 - JSON
        found = buildkite.listed(build, listing.series)
        listing.record(found)
        if not found.belongs:
            return ()
        jobs = _jobs(client, f"{path}/{found.number}/jobs")
        listing.record_jobs(buildkite.job_names(jobs))
        return buildkite.observations({**build, "jobs": jobs}, listing.series)

    for build in _builds(client, path, listing.series.branch, since):
        yield from listing.read(build, "number", partial(results, build))


def _builds(client: Client, path: str, branch: str, since: datetime) -> Iterator[Any]:
    """Yield the builds of the listing, newest first."""
    parameters = {
        "branch": branch,
        "created_from": since.isoformat(),
        "exclude_jobs": "true",
        "per_page": str(_PAGE),
    }

    def pages(until: datetime | None) -> Iterator[list[Any]]:
        before = {"created_to": until.isoformat()} if until else {}
        return map(_listed, islice(client.pages(path, parameters | before), _PAGES))

    return windowed(pages, _PAGES * _PAGE, "number")


def builds_path(pipeline: str) -> str:
    """Return the API path of the builds of `organization/pipeline`."""
    organization, _, slug = pipeline.partition("/")
    return f"/v2/organizations/{organization}/pipelines/{slug}/builds"


def builds_at(client: Client, pipeline: str, commits: Sequence[str], series: Series) -> list[Any]:
    """Return the builds of some commits that belong to a series, without their jobs."""
    parameters = {
        "commit[]": commits,
        "branch": series.branch,
        "exclude_jobs": "true",
        "per_page": str(_PAGE),
    }
    pages = client.pages(builds_path(pipeline), parameters)
    return [build for page in pages for build in _listed(page) if buildkite.listed(build, series).belongs]


def with_jobs(client: Client, pipeline: str, build: Mapping[str, Any]) -> dict[str, Any]:
    """Return a build with its jobs."""
    return {**build, "jobs": _jobs(client, f"{builds_path(pipeline)}/{build['number']}/jobs")}


def artefacts(client: Client, path: str) -> tuple[Artefact, ...]:
    """Return the artefacts of the job at a path."""
    pages = client.pages(path, {"per_page": str(_PAGE)})
    return tuple(buildkite.artefact(each) for page in pages for each in _listed(page))


def build_annotations(client: Client, path: str) -> tuple[buildkite.Annotation, ...]:
    """Return the annotations of the build at a path."""
    pages = client.pages(path, {"per_page": str(_PAGE)})
    return tuple(buildkite.annotation(each) for page in pages for each in _listed(page))


def _jobs(client: Client, path: str) -> list[Any]:
    pages = client.pages(path, {"include_retried_jobs": "true", "per_page": str(_PAGE)})
    # Documented as an object with `items` and `links`; other listings are plain lists.
    lists = (page if isinstance(page, list) else value_at(page, "items") for page in pages)
    return [job for listed in lists for job in _listed(listed)]


def _listed(page: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the entries of a page.

    Raises:
        UnexpectedAnswer: it is not a list.
    """
    if not isinstance(page, list):
        raise UnexpectedAnswer(f"{buildkite.SERVICE} sent a listing that is not as documented")
    return page
