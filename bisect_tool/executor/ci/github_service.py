"""A job of a workflow of GitHub Actions: what is read and what is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bisect_tool.executor.ci import github
from bisect_tool.executor.ci.calls import Call
from bisect_tool.executor.ci.decide import Retry, Start, Unblock
from bisect_tool.executor.ci.journal import Record
from bisect_tool.executor.ci.log import log_of
from bisect_tool.sources import github_client
from bisect_tool.sources.github import SERVICE, listed

if TYPE_CHECKING:
    from bisect_tool.executor.ci.calls import Caller
    from bisect_tool.executor.ci.decide import Act
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs
    from bisect_tool.executor.ci.journal import Journal
    from bisect_tool.request import JobCheck
    from bisect_tool.sources.http import Client
    from bisect_tool.sources.series import Series


class GithubService:
    """Reads runs with one token, and reruns jobs or dispatches the workflow with another."""

    name = SERVICE

    def __init__(
        self, check: JobCheck, series: Series, client: Client, caller: Caller, journal: Journal
    ) -> None:
        self._check, self._series, self._client, self._caller = check, series, client, caller
        self._journal = journal
        self._path = f"/repos/{check.repository}/actions"
        self.may_start = bool(check.input)

    def look(self, sha: str) -> CommitJobs:
        """The attempts of the job in all runs that tested a commit."""
        runs = [(run, self._jobs(run["id"])) for run in self._runs(sha)]
        return github.commit_jobs(runs, self._check.job, self._series)

    def log(self, attempt: Attempt) -> str:
        """The log of an attempt; GitHub has it when the job has ended."""
        return log_of(attempt, self._client)

    def describe(self, act: Act, sha: str) -> str:
        """The call as a line."""
        return self._caller.describe(self._call(act, sha))

    def carry_out(self, act: Act, sha: str) -> None:
        """Rerun the job, or dispatch the workflow; the run that comes of the latter is noted."""
        answer = self._caller.send(self._call(act, sha))
        run = answer.get("workflow_run_id") if isinstance(answer, dict) else None
        if isinstance(act, Start) and run:
            self._journal.add(Record(sha, run=str(run)))

    def cancel(self, attempt: Attempt) -> bool:
        """Cancel the run."""
        self._caller.send(Call("POST", f"{self._path}/runs/{attempt.job.build}/cancel"))
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _runs(self, sha: str) -> list[Any]:
        """The runs that tested a commit."""
        check = self._check
        filters = [{"head_sha": sha}]
        if check.input:
            filters.append({"event": github.DISPATCH})
        found = {
            run["id"]: run
            for parameters in filters
            for run in github_client.runs_at(self._client, check.repository, check.workflow, parameters)
            if listed(run, self._series).belongs
            and github.tests_commit(run, sha, self._journal.runs, by_input=bool(check.input))
        }
        return list(found.values())

    def _jobs(self, run: int) -> list[Any]:
        return github_client.jobs_of(self._client, self._check.repository, run)

    def _call(self, act: Act, sha: str) -> Call:
        match act:
            case Retry(attempt=attempt):
                job = attempt.id.rpartition(" ")[2]
                return Call("POST", f"{self._path}/jobs/{job}/rerun")
            case Start():
                inputs = {self._check.input: sha}
                body = {"ref": self._check.branch, "inputs": inputs, "return_run_details": True}
                return Call("POST", f"{self._path}/workflows/{self._check.workflow}/dispatches", body)
            case Unblock():
                raise NotImplementedError("no job of GitHub is blocked by a step")
