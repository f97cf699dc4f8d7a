"""What an executor needs of a CI service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bisect_tool.executor.ci.decide import Act
    from bisect_tool.executor.ci.jobs import Attempt, CommitJobs


class JobService(Protocol):
    """One job of one pipeline or workflow."""

    @property
    def name(self) -> str:
        """What the service is called."""
        ...

    @property
    def may_start(self) -> bool:
        """Whether a build or run may be started for a commit that has none."""
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

    def describe(self, act: Act, sha: str) -> str:
        """The call that carries out an act, such as `PUT https://...`."""
        ...

    def carry_out(self, act: Act, sha: str) -> None:
        """Send the call.

        Raises:
            LostAnswer: nobody knows whether it was done.
            Refused: the service does not do it.
            UsageError: the token is missing, or may not do it.
        """
        ...

    def close(self) -> None:
        """Close the connections."""

    def cancel(self, attempt: Attempt) -> bool:
        """Cancel an attempt that we started; returns whether that was possible.

        Raises:
            as `carry_out`.
        """
        ...
