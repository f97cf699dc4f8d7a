"""Results of a CI service, from its builds and the logs of jobs that failed to observations of tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.sources import buildkite_client, github_client
from bisect_tool.sources.etag_cache import EtagCache
from bisect_tool.sources.http import Absent, Client, Service
from bisect_tool.sources.job_results import observations
from bisect_tool.sources.log_cache import LogCache
from bisect_tool.sources.log_results import with_logs
from bisect_tool.sources.series import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from bisect_tool.sources.observation import Observation

_PIPELINE = re.compile(r"[\w.-]+/[\w.-]+")
_WORKFLOW = re.compile(r"[\w. -]+\.ya?ml|\d+")


@dataclass(frozen=True)
class SourceOptions:
    """Which builds of which service are read.

    Attributes:
        pipeline: of Buildkite: `organization/slug`.
        repository: of GitHub: `owner/name`; empty for `GITHUB_REPOSITORY`.
        workflow: of GitHub: the file name of the workflow, or its number.
        job: pattern of a whole job name; empty for all jobs.
        message: pattern that a build's message begins with; empty for any message.
        exclude_env: variables of a build that change what is tested: such a build does not count.
        days: how far back builds are read.
    """

    source: Literal["buildkite", "github"]
    pipeline: str = ""
    repository: str = ""
    workflow: str = ""
    job: str = ""
    branch: str = "main"
    message: str = ""
    exclude_env: tuple[str, ...] = ()
    days: int = 30


def collect(  # noqa: PLR0913, PLR0917 - what a run of `nightly` knows
    options: SourceOptions,
    series_name: str,
    environment: Mapping[str, str],
    cache: Path,
    say: Callable[[str], None],
    now: datetime,
) -> tuple[Observation, ...]:
    """The results of the builds of the last days, test by test (see `job_results`).

    Args:
        options: which builds and jobs.
        series_name: what the series is called in reports.
        environment: has the token, and the service's address if it is not the public one.
        cache: the folder of what was read before.
        say: is given a sentence about each log that is missing.
        now: the current time, with its zone.

    Raises:
        UsageError: an option or the token is missing or wrong; the message names it.
        EnvironmentFailed: the service cannot be reached, or answers what is not documented.
    """
    series = _series(options, series_name)
    read, service = _reader(options, environment, series, now - timedelta(days=options.days))
    if not service.token:
        raise UsageError(
            f"{service.name} needs a token: {service.token_variable} is not set",
            f"Set {service.token_variable} to a token with scope {' and '.join(service.scopes)}.",
        )
    logs = LogCache(cache / "logs")
    with Client(service, EtagCache(cache / "answers")) as client:
        return observations(with_logs(read(client), lambda url: _log(url, logs, client, say)))


def _log(url: str, logs: LogCache, client: Client, say: Callable[[str], None]) -> str:
    """The text of a log; empty if the service does not have it any more."""
    try:
        return logs.read(url, client.log)
    except Absent:
        say(f"a log is missing, so its failed tests are unknown: {clean_line(url, 300)}")
        return ""


def _series(options: SourceOptions, name: str) -> Series:
    for flag, pattern in (("--message", options.message), ("--job", options.job)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{flag} is no regular expression: {error}", "Escape ( ) [ ] . * +.") from None
    return Series(
        name,
        branch=options.branch,
        message=options.message,
        excluded_environment=frozenset(options.exclude_env),
        jobs=options.job,
    )


def _reader(
    options: SourceOptions, environment: Mapping[str, str], series: Series, since: datetime
) -> tuple[Callable[[Client], Iterator[Observation]], Service]:
    """What reads the jobs, and the service to read them from."""
    if options.source == "buildkite":
        pipeline = _named("--pipeline", options.pipeline, _PIPELINE, "organization/pipeline")
        return (
            lambda client: buildkite_client.read_series(client, pipeline, series, since)
        ), buildkite_client.service(environment)
    written = options.repository or environment.get("GITHUB_REPOSITORY", "")
    repository = _named("--repository", written, _PIPELINE, "owner/name")
    workflow = _named("--workflow", options.workflow, _WORKFLOW, "nightly.yml")
    return (
        lambda client: github_client.read_series(client, repository, workflow, series, since)
    ), github_client.service(environment)


def _named(flag: str, value: str, pattern: re.Pattern[str], example: str) -> str:
    """The value of a flag that the source needs.

    Raises:
        UsageError: it is missing, or of another form.
    """
    if not value:
        raise UsageError(f"{flag} is missing", f"Add {flag} {example}.")
    if not pattern.fullmatch(value):
        raise UsageError(f"{flag} {clean_line(value, 100)} is not like {example}", f"Add {flag} {example}.")
    return value
