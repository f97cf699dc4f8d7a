"""Collect observations of tests from the builds of a CI service and the logs of failed jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from bisect_tool.ci_results import buildkite_client, github_client
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.download_cache import DownloadCache
from bisect_tool.ci_results.etag_cache import EtagCache
from bisect_tool.ci_results.github_reports import GithubReports
from bisect_tool.ci_results.http import Client
from bisect_tool.ci_results.job_results import observations
from bisect_tool.ci_results.listing import Listing
from bisect_tool.ci_results.log_results import with_logs
from bisect_tool.ci_results.series import Series
from bisect_tool.ci_results.service_access import Absent, Service
from bisect_tool.ci_results.service_names import PIPELINE, WORKFLOW, check_pattern, named
from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from bisect_tool.ci_results.job_results import JobResults
    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.ci_results.service_names import SourceName


@dataclass(frozen=True)
class SourceOptions:
    """Which builds of which service to read: the options of `nightly` by the same names.

    Attributes:
        pipeline: of Buildkite: `organization/slug`.
        repository: of GitHub: `owner/name`; empty for `GITHUB_REPOSITORY`.
        workflow: of GitHub: the file name of the workflow, or its number.
        job: pattern of a whole job name; empty for all jobs.
        message: pattern that a build's message begins with; empty for any message.
        trigger: how a build may have been started, such as `schedule`; empty for any way.
        exclude_env: builds that set one of these variables are ignored: they test something else.
        compare_env: variables whose values have to be equal for builds to be compared.
        days: read builds of the last N days.
    """

    source: SourceName
    pipeline: str = ""
    repository: str = ""
    workflow: str = ""
    job: str = ""
    branch: str = "main"
    message: str = ""
    trigger: tuple[str, ...] = ()
    exclude_env: tuple[str, ...] = ()
    compare_env: tuple[str, ...] = ()
    days: int = 30


def collect(  # noqa: PLR0913, PLR0917 - what a run of `nightly` knows
    options: SourceOptions,
    series_name: str,
    environment: Mapping[str, str],
    cache: Path,
    notify: Callable[[str], None],
    now: datetime,
) -> tuple[Observation, ...]:
    """Return the results of recent builds, test by test (see `job_results`).

    Args:
        options: which builds and jobs.
        series_name: the name of the series in reports.
        environment: has the token, and the service's URL if it is not the public one.
        cache: the folder of downloads.
        notify: called with a sentence for each build, log or artefact that is missing.
        now: the current time, with its zone.

    Raises:
        UsageError: an option or the token is missing or wrong, or no build or job matches; the message lists
            those that exist.
        EnvironmentFailed: the service cannot be reached, or its answer does not match its documentation.
    """
    series = _series(options, series_name)
    # With whole days, a listing has the same address all day, which is what the cache goes by.
    since = (now - timedelta(days=options.days)).replace(hour=0, minute=0, second=0, microsecond=0)
    service, results = _plan(options, environment, since)
    if not service.token:
        raise UsageError(
            f"{service.name} needs a token: {service.token_variable} is not set",
            f"Set {service.token_variable} to a token with {' and '.join(service.scopes)}.",
        )
    listing = Listing(service.name, series, options.days, notify)
    answers, downloads = EtagCache(cache / "answers"), DownloadCache(cache / "downloads")
    with Client(service, answers) as client:
        found = observations(results(_Reading(client, downloads, listing)))
    answers.remove_unused(now)
    downloads.remove_unused(now)
    if not found:
        raise listing.why_nothing
    return found


@dataclass(frozen=True)
class _Reading:
    """The client, cache and listing to read results with."""

    client: Client
    cache: DownloadCache
    listing: Listing

    def log(self, url: str) -> str:
        """Return the text of a log; empty if the service no longer has it."""
        try:
            return self.cache.read(url, self.client.log).decode("utf-8", "replace")
        except Absent:
            why = clean_line(url, 300)
        except UnexpectedAnswer as error:  # its address is another server's
            why = error.message
        self.listing.notify(f"a log is missing, so its failed tests are unknown: {why}")
        return ""


_Plan = tuple[Service, "Callable[[_Reading], Iterable[JobResults]]"]
"""The service, and a function that reads its results."""


def _plan(options: SourceOptions, environment: Mapping[str, str], since: datetime) -> _Plan:
    match options.source:
        case "buildkite":
            return _buildkite(options, environment, since)
        case "github":
            return _github(options, environment, since)
        case name:
            assert_never(name)


def _buildkite(options: SourceOptions, environment: Mapping[str, str], since: datetime) -> _Plan:
    pipeline = named("--pipeline", options.pipeline, PIPELINE, "organization/pipeline")

    def results(reading: _Reading) -> Iterable[JobResults]:
        jobs = buildkite_client.read_series(reading.client, pipeline, reading.listing, since)
        return with_logs(jobs, reading.log)

    return buildkite_client.service(environment), results


def _github(options: SourceOptions, environment: Mapping[str, str], since: datetime) -> _Plan:
    written = options.repository or environment.get("GITHUB_REPOSITORY", "")
    repository = named("--repository", written, PIPELINE, "owner/name")
    workflow = named("--workflow", options.workflow, WORKFLOW, "nightly.yml")

    def results(reading: _Reading) -> Iterable[JobResults]:
        jobs = github_client.read_series(reading.client, repository, workflow, reading.listing, since)
        reports = GithubReports(reading.client, repository, reading.cache, reading.listing.notify)
        return reports.add_to(with_logs(jobs, reading.log))

    return github_client.service(environment), results


def _series(options: SourceOptions, name: str) -> Series:
    check_pattern("--message", options.message)
    check_pattern("--job", options.job)
    return Series(
        name,
        branch=options.branch,
        message=options.message,
        triggers=frozenset(options.trigger),
        excluded_environment=frozenset(options.exclude_env),
        jobs=options.job,
        environment=options.compare_env,
    )
