"""A job of a Buildkite pipeline: what is read and what is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.executor.ci.buildkite import commit_jobs
from bisect_tool.executor.ci.calls import Call
from bisect_tool.executor.ci.decide import Retry, Start, Unblock
from bisect_tool.executor.ci.log import log_of
from bisect_tool.sources import buildkite_client
from bisect_tool.sources.buildkite import SERVICE

if TYPE_CHECKING:
    from bisect_tool.executor.ci.calls import Caller
    from bisect_tool.executor.ci.decide import Act
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.request import JobCheck
    from bisect_tool.sources.http import Client
    from bisect_tool.sources.series import Series


class BuildkiteService:
    """Reads builds with one token, and retries jobs with another."""

    name = SERVICE

    def __init__(self, check: JobCheck, series: Series, client: Client, caller: Caller) -> None:
        self._check, self._series, self._client, self._caller = check, series, client, caller
        self._path = buildkite_client.builds_path(check.pipeline)
        self.may_start = check.allow_builds

    def look(self, sha: str) -> CommitJobs:
        """The attempts of the job in all builds of a commit."""
        builds = buildkite_client.builds_at(self._client, self._check.pipeline, sha, self._series)
        return commit_jobs(builds, self._check.job, self._series)

    def log(self, attempt: Attempt) -> str:
        """The log of an attempt so far."""
        return log_of(attempt, self._client)

    def describe(self, act: Act, sha: str) -> str:
        """The call as a line."""
        return self._caller.describe(self._call(act, sha))

    def carry_out(self, act: Act, sha: str) -> None:
        """Retry the job, unblock it, or start a build."""
        self._caller.send(self._call(act, sha))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def cancel(self, attempt: Attempt) -> bool:  # noqa: ARG002 - see below
        """Cancel nothing: the REST API cancels whole builds only, which are not ours."""
        return False

    def _call(self, act: Act, sha: str) -> Call:
        match act:
            case Unblock(attempt=attempt, gate=gate):
                return Call("PUT", f"{self._path}/{attempt.job.build}/jobs/{gate}/unblock", {})
            case Retry(attempt=attempt):
                return Call("PUT", f"{self._path}/{attempt.job.build}/jobs/{attempt.id}/retry")
            case Start():
                message = f"bisect-run: {self._check.job}"
                return Call(
                    "POST",
                    self._path,
                    {"commit": sha, "branch": self._check.branch, "message": message},
                )
