"""The protocol of the trials of each kind of check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.config import TrialConfig, TrialPaths, TrialSpec
    from bisect_tool.trial.findings import Findings
    from bisect_tool.trial.process import Process


@dataclass(frozen=True)
class TrialRun:
    """One trial in its folders; `cells` None runs those of the configuration."""

    config: TrialConfig
    place: TrialPaths
    cells: Sequence[str] | None

    @property
    def selected(self) -> Sequence[str] | None:
        """Return the cells of the trial, else the patterns of the configuration; None for every cell."""
        return self.cells or self.config.cells or None


class Trials(Protocol):
    """Runs the trials of one check."""

    def missing(self, spec: TrialSpec) -> Findings | None:  # noqa: ARG002 - the default needs nothing
        """Return the findings if the commit lacks what the check needs; else None, the default."""
        return None

    def process(self, run: TrialRun) -> Process:
        """Return the process to run under the guardian."""
        ...

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Read the findings from the process's output.

        Raises:
            CheckAborted: a command asked to stop.
            UsageError: no cell matches the patterns.
        """
        ...
