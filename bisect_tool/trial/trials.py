"""The protocol by which trials of every kind of check run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.supervise import GuardianResult
    from bisect_tool.trial.config import TrialConfig, TrialPaths, TrialSpec
    from bisect_tool.trial.findings import Findings
    from bisect_tool.trial.job import Job


@dataclass(frozen=True)
class TrialRun:
    """One trial in its folders; `cells` None runs those of the configuration."""

    config: TrialConfig
    place: TrialPaths
    cells: Sequence[str] | None

    @property
    def selected(self) -> Sequence[str] | None:
        """The cells of the trial, else the patterns of the configuration; None for every cell."""
        return self.cells or self.config.cells or None


class Trials(Protocol):
    """How the trials of one check run."""

    def missing(self, spec: TrialSpec) -> Findings | None:  # noqa: ARG002 - the default needs nothing
        """The findings if the commit lacks what the check cannot run without; else None, as by default."""
        return None

    def job(self, run: TrialRun) -> Job:
        """The process to run under the guardian."""
        ...

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """What the process wrote, as findings.

        Raises:
            CheckAborted: a command asked to stop.
            UsageError: no cell matches the patterns.
        """
        ...
