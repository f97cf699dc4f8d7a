"""Create the executor of a CI job, with the tokens from the environment."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, assert_never

from bisect_tool import write_tokens
from bisect_tool.ci_results import buildkite_client, github_client
from bisect_tool.ci_results.etag_cache import EtagCache
from bisect_tool.ci_results.http import Client
from bisect_tool.ci_results.series import Series
from bisect_tool.errors import UsageError
from bisect_tool.executor.ci.buildkite_service import BuildkiteService
from bisect_tool.executor.ci.caller import Caller
from bisect_tool.executor.ci.executor import CiExecutor, Timing
from bisect_tool.executor.ci.github_service import GithubService
from bisect_tool.executor.ci.journal import Journal
from bisect_tool.executor.ci.survey import survey
from bisect_tool.executor.executor import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bisect_tool.checks import JobCheck
    from bisect_tool.ci_results.service_access import Service
    from bisect_tool.executor.ci.service import JobService
    from bisect_tool.executor.ci.survey import Survey
    from bisect_tool.executor_names import CiService
    from bisect_tool.trial.config import TrialConfig

TIMING = Timing()


def ci_executor(  # noqa: PLR0913, PLR0917 - what a session knows
    check: JobCheck,
    config: TrialConfig,
    environment: Mapping[str, str],
    folder: Path,
    cancel: threading.Event,
    used: Iterable[str],
    agreed: Callable[[str], bool] = refused,
) -> CiExecutor:
    """Return the executor of a session whose check is a CI job.

    Args:
        check: the job.
        config: the patterns of cells, and the number of parallel jobs.
        environment: has the tokens, and the service's URL if it is not the public one.
        folder: the session's folder, named after it, with the journal of started jobs.
        cancel: set to end the session; it ends waits as well.
        used: attempts that are trials of the session already.
        agreed: answers whether to cancel running jobs when the session ends.

    Raises:
        UsageError: the token for reading is not set.
    """
    journal = Journal(folder)
    service = _service(check, environment, config.home.cache / "ci", journal, folder.name, cancel)
    return CiExecutor(
        check,
        service,
        journal,
        cancel,
        slots=config.slots,
        cells=config.cells,
        used=used,
        agreed=agreed,
        timing=TIMING,
    )


def ci_survey(
    check: JobCheck, environment: Mapping[str, str], cache: Path, shas: Sequence[str], calls: int
) -> Survey:
    """Look up what a session whose check is a CI job could start; raises the errors of `survey`.

    Args:
        check: the job.
        environment: has the token for reading, and the service's URL if it is not the public one.
        cache: the folder of cached answers.
        shas: the commits, oldest first.
        calls: how many of the first calls are wanted.
    """
    with TemporaryDirectory(prefix="bisect-run-") as folder:
        journal = Journal(Path(folder))
        service = _service(check, environment, cache, journal, "SESSION", threading.Event())
        with closing(service):
            return survey(service, shas, calls)


def _service(  # noqa: PLR0913, PLR0917 - what a session knows
    check: JobCheck,
    environment: Mapping[str, str],
    cache: Path,
    journal: Journal,
    session: str,
    cancel: threading.Event,
) -> JobService:
    source, variable, scope = _access(check.service, environment)
    if not source.token:
        raise UsageError(
            f"{source.name} needs a token: {source.token_variable} is not set",
            f"Set {source.token_variable} to a token with {' and '.join(source.scopes)}.",
        )

    def sleep(seconds: float) -> None:
        cancel.wait(seconds)

    caller = Caller(source.name, source.url, environment.get(variable, ""), variable, scope, sleep)
    client = Client(source, EtagCache(cache / "answers"), sleep=sleep)
    excluded = frozenset(check.exclude_env)
    series = Series("ci", branch=check.branch, excluded_environment=excluded)
    match check.service:
        case "buildkite":
            return BuildkiteService(check, series, client, caller, journal, session)
        case "github":
            return GithubService(check, series, client, caller, journal)
        case name:
            assert_never(name)


def _access(service: CiService, environment: Mapping[str, str]) -> tuple[Service, str, str]:
    """The service as a source of results, the variable of its write token, and the scope that starts jobs."""
    match service:
        case "buildkite":
            return buildkite_client.service(environment), write_tokens.BUILDKITE, "write_builds"
        case "github":
            return github_client.service(environment), write_tokens.GITHUB, "actions=write"
        case name:
            assert_never(name)
