"""The API requests for a job of a Buildkite pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.executor.ci.buildkite import commit_jobs
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.log import log_of
from bisect_tool.executor.ci.reports import report_files
from bisect_tool.sources import buildkite_client
from bisect_tool.sources.buildkite import SERVICE

if TYPE_CHECKING:
    from bisect_tool.checks import JobCheck
    from bisect_tool.executor.ci.caller import Caller
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.sources.http import Client
    from bisect_tool.sources.series import Series

_WHOLE_BUILDS = "the REST API of Buildkite cancels whole builds only"


class BuildkiteService:
    """Reads builds with one token, and retries jobs with another."""

    name = SERVICE

    def __init__(
        self, check: JobCheck, series: Series, client: Client, caller: Caller, journal: Journal
    ) -> None:
        self._check, self._series, self._client, self._caller = check, series, client, caller
        self._journal = journal
        self._path = buildkite_client.builds_path(check.pipeline)

    def look(self, sha: str) -> CommitJobs:
        """Return the attempts of the job in all builds of a commit."""
        builds = buildkite_client.builds_at(self._client, self._check.pipeline, sha, self._series)
        jobs = commit_jobs(builds, self._check.job, self._series, self._path)
        return replace(jobs, start=self._start(sha) if self._check.allow_builds else None)

    def log(self, attempt: Attempt) -> str:
        """Return the log of an attempt so far."""
        return log_of(attempt, self._client)

    def reports(self, attempt: Attempt) -> tuple[bytes, ...]:
        """Return the XML files among the artefacts of an attempt."""
        path = f"{self._path}/{attempt.job.build}/jobs/{attempt.id}/artifacts"
        return report_files(self._client, lambda: buildkite_client.artefacts(self._client, path))

    def describe(self, call: Call) -> str:
        """Describe the call in one line."""
        return self._caller.describe(call)

    def carry_out(self, call: Call, sha: str) -> None:
        """Retry the job, unblock it, or start a build and record its number."""
        answer = self._caller.send(call)
        number = answer.get("number") if isinstance(answer, dict) and call.path == self._path else None
        if number:
            self._journal.add(Record(sha, run=str(number)))

    def why_not_canceled(self, attempt: Attempt) -> str:
        """Return why not: the REST API cancels whole builds, of which only those that we started are ours."""
        return "" if attempt.job.build in self._journal.runs else _WHOLE_BUILDS

    def cancel(self, attempt: Attempt) -> None:
        """Cancel the build."""
        self._caller.send(Call("PUT", f"{self._path}/{attempt.job.build}/cancel"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _start(self, sha: str) -> Call:
        """Return the call that starts a build of a commit."""
        message = f"bisect-run: {self._check.job}"
        body = {"commit": sha, "branch": self._check.branch, "message": message}
        return Call("POST", self._path, body)
