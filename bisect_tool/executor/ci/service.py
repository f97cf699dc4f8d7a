"""What an executor needs of a CI service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bisect_tool.executor.ci.call import Call
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs


class JobService(Protocol):
    """One job of one pipeline or workflow."""

    @property
    def name(self) -> str:
        """What the service is called."""
        ...

    def look(self, sha: str) -> CommitJobs:
        """What is known of the job at a commit.

        Raises:
            EnvironmentFailed: the service cannot be reached, or answers what is not documented.
            UsageError: the token is refused, or the job's name matches several.
        """
        ...

    def log(self, attempt: Attempt) -> str:
        """The text of an attempt's log so far; empty if there is none, or not any more."""
        ...

    def reports(self, attempt: Attempt) -> tuple[bytes, ...]:
        """The JUnit XML files that an attempt which has ended left; none where they cannot be read."""
        ...

    def describe(self, call: Call) -> str:
        """The call as a line, such as `PUT https://...`."""
        ...

    def carry_out(self, call: Call, sha: str) -> None:
        """Send a call that starts a job at a commit.

        Raises:
            LostAnswer: nobody knows whether it was done.
            Refused: the service does not do it.
            UsageError: the token is missing, or may not do it.
        """
        ...

    def why_not_canceled(self, attempt: Attempt) -> str:
        """Why an attempt that we started cannot be canceled; empty if it can."""
        ...

    def cancel(self, attempt: Attempt) -> None:
        """Cancel an attempt that we started.

        Raises:
            as `carry_out`.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
