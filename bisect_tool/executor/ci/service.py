"""The interface between the executor and a CI service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.executor.ci.call import Call
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs


class JobService(Protocol):
    """One job of one pipeline or workflow."""

    @property
    def name(self) -> str:
        """The name of the service."""
        ...

    @property
    def reads(self) -> int:
        """The number of requests that only read."""
        ...

    def list_ahead(self, shas: Sequence[str]) -> None:
        """List the builds or runs of many commits, so that `look` needs fewer requests for each."""
        ...

    def look(self, sha: str) -> CommitJobs:
        """Return the attempts of the job at a commit.

        Raises:
            EnvironmentFailed: the service cannot be reached, or its answer does not match its documentation.
            UsageError: the token is rejected, or the pattern matches several jobs.
        """
        ...

    def log(self, attempt: Attempt) -> str:
        """Return an attempt's log so far; empty if there is none, or if it was deleted."""
        ...

    def reports(self, attempt: Attempt) -> tuple[bytes, ...]:
        """Return the JUnit XML files of an ended attempt; none if they cannot be read."""
        ...

    def describe(self, call: Call) -> str:
        """Describe the call in one line, such as `PUT https://...`."""
        ...

    def carry_out(self, call: Call, sha: str) -> None:
        """Send a call that starts a job at a commit.

        Raises:
            LostAnswer: it is unknown whether it succeeded.
            Refused: the service rejected it.
            UsageError: the token is missing, or lacks the permission.
        """
        ...

    def claim(self, sha: str) -> bool:
        """Record the run that was started for a commit, if it does not say so, and whether there is one.

        Raises:
            UsageError: it is not known which of several runs it is.
        """
        ...

    def why_not_canceled(self, attempt: Attempt) -> str:
        """Return why an attempt that we started cannot be canceled; empty if it can."""
        ...

    def cancel(self, build: str) -> None:
        """Cancel a build or run that we started, or whose only running job is ours.

        Raises the errors of `carry_out`.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
