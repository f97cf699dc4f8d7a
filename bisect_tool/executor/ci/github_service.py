"""The API requests for a job of a GitHub Actions workflow."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results import github_client
from bisect_tool.ci_results.github import SERVICE, listed, observations
from bisect_tool.ci_results.job_reports import attempt_of
from bisect_tool.errors import BisectError, UsageError
from bisect_tool.executor.ci import github
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.caller import Refused
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.log import log_of
from bisect_tool.executor.ci.reports import report_files
from bisect_tool.format import short
from bisect_tool.parse_untrusted import value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.checks import JobCheck
    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.job_reports import Artefact
    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.ci_results.series import Series
    from bisect_tool.executor.ci.caller import Caller
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal

_log = logging.getLogger("bisect_run.executor")
_DETAILS = "return_run_details"


class GithubService:
    """Reads runs with one token, and reruns jobs or dispatches the workflow with another."""

    name = SERVICE

    def __init__(
        self, check: JobCheck, series: Series, client: Client, caller: Caller, journal: Journal
    ) -> None:
        self._check, self._series, self._client, self._caller = check, series, client, caller
        self._journal = journal
        self._path = f"/repos/{check.repository}/actions"
        self._newest = 0
        self._all: list[Any] | None = None
        self._observed: dict[str, tuple[Observation, ...]] = {}

    @property
    def reads(self) -> int:
        """The number of requests that only read."""
        return self._client.sent

    def list_ahead(self, shas: Sequence[str]) -> None:  # noqa: ARG002 - one listing has all commits
        """List the runs of the branch, if there are not more than GitHub lists."""
        runs = self._listed({"branch": self._check.branch})
        self._all = runs if len(runs) < github_client.LIMIT else None

    def look(self, sha: str) -> CommitJobs:
        """Return the attempts of the job in all runs that tested a commit."""
        runs = [(run, self._jobs(run["id"])) for run in self._runs(sha)]
        self._observed |= {str(run["id"]): observations(run, jobs, self._series) for run, jobs in runs}
        found = github.commit_jobs(runs, self._check.job, self._series, self._path)
        if not self._check.input:
            return found
        return replace(found, start=self._dispatch(sha), newest=str(self._newest))

    def log(self, attempt: Attempt) -> str:
        """Return the log of an attempt, which exists after the job has ended."""
        return log_of(attempt, self._client)

    def reports(self, attempt: Attempt) -> tuple[bytes, ...]:
        """Return the XML files in the artefacts of an attempt."""
        return report_files(self._client, lambda: self._artefacts(attempt))

    def describe(self, call: Call) -> str:
        """Describe the call in one line."""
        return self._caller.describe(call)

    def carry_out(self, call: Call, sha: str) -> None:
        """Rerun the job, or dispatch the workflow and record its run, if the answer names it."""
        try:
            answer = self._caller.send(call)
        except Refused as error:
            if not call.body or _DETAILS not in error.message:
                raise
            body = {name: value for name, value in call.body.items() if name != _DETAILS}
            answer = self._caller.send(replace(call, body=body))  # an older GitHub Enterprise Server
        if run := value_at(answer, "workflow_run_id"):
            self._journal.add(Record(sha, run=str(run)))

    def claim(self, sha: str) -> bool:
        """Record the only run that our account dispatched since the call, if its title has no commit."""
        newest = self._journal.newest(sha)
        runs = [run for run in self._dispatched() if listed(run, self._series).belongs] if newest else []
        found = github.unclaimed(runs, int(newest or 0), self._journal.runs, self._account() if runs else "")
        if len(found) > 1:
            raise UsageError(
                f"cannot tell which of {len(found)} runs tests {short(sha)}: "
                f"{', '.join(each.html_url or str(each.id) for each in found)}",
                f"Put the input {self._check.input} into the workflow's run-name. `bisect-run resume` "
                "dispatches the workflow again for this commit; cancel the runs that nobody needs.",
            )
        for run in found:
            _log.warning("run %d is assumed to be the one dispatched for %s", run.id, sha)
            self._journal.add(Record(sha, run=str(run.id)))
        return bool(found)

    def why_not_canceled(self, attempt: Attempt) -> str:  # noqa: ARG002 - it is the same for all
        """Return empty: a running run is one that we dispatched, or the rerun of one job."""
        return ""

    def cancel(self, build: str) -> None:
        """Cancel the run."""
        self._caller.send(Call("POST", f"{self._path}/runs/{build}/cancel"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _runs(self, sha: str) -> list[Any]:
        """Return the runs that tested a commit."""
        check = self._check
        dispatched = self._dispatched() if check.input and self._all is None else []
        self._newest = max((run["id"] for run in dispatched), default=0)
        listing = self._listed({"head_sha": sha}) if self._all is None else self._all
        found = {
            run["id"]: run
            for run in (*listing, *dispatched)
            if listed(run, self._series).belongs
            and github.tests_commit(run, sha, self._journal.runs, by_input=bool(check.input))
        }
        return list(found.values())

    def _dispatched(self) -> list[Any]:
        return self._listed({"event": github.DISPATCH})

    def _listed(self, parameters: dict[str, str]) -> list[Any]:
        return github_client.runs_at(self._client, self._check.repository, self._check.workflow, parameters)

    def _account(self) -> str:
        """Return the name of the account that dispatches; empty if the token does not tell."""
        try:
            name = value_at(self._caller.send(Call("GET", "/user")), "login")
        except BisectError as error:
            _log.info("it is not known which account dispatches: %s", error.message)
            return ""
        return name if isinstance(name, str) else ""

    def _jobs(self, run: int) -> list[Any]:
        return github_client.jobs_of(self._client, self._check.repository, run)

    def _artefacts(self, attempt: Attempt) -> list[Artefact]:
        """Return the artefacts of a run that belong to one attempt of a job."""
        run = attempt.job.build
        every = github_client.artefacts(self._client, self._check.repository, run)
        found = ((each, attempt_of(each, self._observed.get(run, ()))) for each in every)
        return [each for each, job in found if job is not None and job.attempt == attempt.id]

    def _dispatch(self, sha: str) -> Call:
        """Return the call that dispatches the workflow for a commit."""
        inputs = {self._check.input: sha}
        body = {"ref": self._check.branch, "inputs": inputs, _DETAILS: True}
        return Call("POST", f"{self._path}/workflows/{self._check.workflow}/dispatches", body)
