"""The API requests for a job of a Buildkite pipeline."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results import buildkite_client
from bisect_tool.ci_results.buildkite import SERVICE
from bisect_tool.executor.ci.buildkite import SESSION, builds_of, commit_jobs
from bisect_tool.executor.ci.buildkite_started_jobs import Annotations
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.jobs import Stage
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.log import log_of
from bisect_tool.executor.ci.reports import report_files
from bisect_tool.parse_untrusted import value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.checks import JobCheck
    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.series import Series
    from bisect_tool.executor.ci.caller import Caller
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal

_log = logging.getLogger("bisect_run.executor")
_COMMITS = 50
"""How many commits are named in a request: a URL has at most some thousand characters."""
_WHOLE_BUILDS = "cancel it on its page: the REST API cancels whole builds only"


class BuildkiteService:
    """Reads builds with one token, and retries jobs with another.

    A build that it starts has the session's id in its environment; one in which it starts a job gets an
    annotation. So people see who did it, and a resumed session finds its jobs if its journal lacks them.
    """

    name = SERVICE

    def __init__(  # noqa: PLR0913, PLR0917 - what a session knows
        self, check: JobCheck, series: Series, client: Client, caller: Caller, journal: Journal, session: str
    ) -> None:
        self._check, self._series, self._client, self._caller = check, series, client, caller
        self._journal, self._session = journal, session
        self._path = buildkite_client.builds_path(check.pipeline)
        self._annotations = Annotations(self._path, session, client, caller)
        self._called: set[str] = set()
        self._listed: dict[str, list[Any]] = {}

    @property
    def reads(self) -> int:
        """The number of requests that only read."""
        return self._client.sent

    def list_ahead(self, shas: Sequence[str]) -> None:
        """List the builds of many commits."""
        for start in range(0, len(shas), _COMMITS):
            some = shas[start : start + _COMMITS]
            builds = self._builds(some)
            self._listed |= {sha: [each for each in builds if each["commit"] == sha] for sha in some}

    def look(self, sha: str) -> CommitJobs:
        """Return the attempts of the job in all builds of a commit; records those that are ours."""
        listed = self._listed.pop(sha, None)
        listed = self._builds([sha]) if listed is None else listed
        builds = [buildkite_client.with_jobs(self._client, self._check.pipeline, each) for each in listed]
        jobs = commit_jobs(builds, self._check.job, self._series, self._path)
        for build in builds_of(self._session, builds):
            if build not in self._journal.runs:
                _log.info("build %s of %s was started by this session", build, sha)
                self._journal.add(Record(sha, run=build))
        if self._journal.is_open(sha) and not self._journal.run(sha) and sha not in self._called:
            self._recall(sha, jobs)
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
        """Retry the job, unblock it, or start a build; record what was started, and annotate its build."""
        self._called.add(sha)
        answer = self._caller.send(call)
        if call.path == self._path:
            if number := value_at(answer, "number"):
                self._journal.add(Record(sha, run=str(number)))
            return
        build, _, job, what = call.path.removeprefix(f"{self._path}/").split("/")
        started = call.job or value_at(answer, "id")
        if not isinstance(started, str) or started == job:
            return
        if not call.job:  # an unblocked job may still wait for another step
            self._journal.add(Record(sha, attempt=started))
        self._annotations.add(build, what, started)

    def claim(self, sha: str) -> bool:  # noqa: ARG002 - a build has the session in its environment
        """Return that there is none."""
        return False

    def why_not_canceled(self, attempt: Attempt) -> str:
        """Return why not: the REST API cancels whole builds, of which only those that we started are ours."""
        return "" if attempt.job.build in self._journal.runs else _WHOLE_BUILDS

    def cancel(self, build: str) -> None:
        """Cancel the build."""
        self._caller.send(Call("PUT", f"{self._path}/{build}/cancel"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _builds(self, shas: Sequence[str]) -> list[Any]:
        return buildkite_client.builds_at(self._client, self._check.pipeline, shas, self._series)

    def _recall(self, sha: str, jobs: CommitJobs) -> None:
        """Record the jobs of a commit that an earlier run of the session started, as its annotations say."""
        self._called.add(sha)
        for build in jobs.builds:
            for job in self._annotations.jobs(build):
                attempt = jobs.attempt(job)
                if attempt and attempt.stage is not Stage.BLOCKED and not self._journal.knows(job):
                    _log.info("job %s of %s was started by this session", job, sha)
                    self._journal.add(Record(sha, attempt=job))

    def _start(self, sha: str) -> Call:
        """Return the call that starts a build of a commit."""
        message = f"bisect-run: {self._check.job}"
        env = {SESSION: self._session}
        body = {"commit": sha, "branch": self._check.branch, "message": message, "env": env}
        return Call("POST", self._path, body)
