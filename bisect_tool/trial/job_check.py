"""A job of the team's own CI as a check: CI runs it, not a process of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.trial.trials import TrialRun, Trials

if TYPE_CHECKING:
    from bisect_tool.checks import JobCheck
    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.findings import Findings
    from bisect_tool.trial.process import Process


@dataclass(frozen=True)
class JobTrials(Trials):
    """Raises UsageError: only `executor/ci` can run jobs."""

    check: JobCheck

    def process(self, run: TrialRun) -> Process:  # noqa: ARG002 - there is none
        """None.

        Raises:
            UsageError: always.
        """
        raise _runs_elsewhere(self.check)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:  # noqa: ARG002 - there are none
        """None.

        Raises:
            UsageError: always.
        """
        raise _runs_elsewhere(self.check)


def _runs_elsewhere(check: JobCheck) -> UsageError:
    return UsageError(f"only {check.service} can run its job {check.job}", f"Use --executor {check.service}.")
