"""Run the user's command at one commit; its exit code is the verdict of its only cell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.scenario import Timeouts
from bisect_tool.supervise import gpus
from bisect_tool.trial.cell_outcomes import SUITE_LOG, printed
from bisect_tool.trial.command_cell import command_cell, not_started
from bisect_tool.trial.findings import Findings
from bisect_tool.trial.process import Process, built_variables
from bisect_tool.trial.trials import TrialRun, Trials
from bisect_tool.trial.user_environment import command_environment
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.checks import CommandCheck
    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.config import TrialSpec


NOT_THERE = "it does not exist"


@dataclass(frozen=True)
class CommandTrials(Trials):
    """Trials of a command."""

    check: CommandCheck

    def missing(self, spec: TrialSpec) -> Findings | None:
        """Return SKIPPED if a script of the command is not in the tree."""
        absent = next((script for script in self.check.scripts if not (spec.tree / script).exists()), None)
        if absent is None:
            return None
        cell = not_started(f"cannot run {absent}: {NOT_THERE}")
        return Findings(Outcome.SKIPPED, (cell,), unusable=True)

    def process(self, run: TrialRun) -> Process:
        """Return the command, run at the root of the tree with the user's environment."""
        config, place = run.config, run.place
        env = command_environment(os.environ, place.tree, config.own, config.passed)
        env |= {"TMPDIR": str(place.temporary), **built_variables(place)}
        env |= gpus.visibility(config.gpus_of(place.slot))
        return Process(self.check.argv, place.tree, env, config.deadline_s, None, Timeouts().grace)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Read the exit code, and the evidence from the output."""
        cell = command_cell(self.check.argv, guarded, run.place.logs / f"{SUITE_LOG}.log")
        return Findings(
            cell.outcome,
            (cell,),
            unusable=bool(guarded.not_started),
            printed=printed(run.place.logs, (cell,)),
        )
