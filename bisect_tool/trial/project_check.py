"""Run the tests of any Python project at one commit, and read what they reported."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.scenario import Timeouts
from bisect_tool.supervise import gpus
from bisect_tool.trial.cell_outcomes import (
    NO_SUCH_TEST,
    NONE_SELECTED,
    NONE_THERE,
    SuiteExit,
    collect_project,
    timeline,
)
from bisect_tool.trial.findings import Findings, no_result
from bisect_tool.trial.process import Process, built_variables, clean_environment
from bisect_tool.trial.project_pytest import present, project_argv, project_variables
from bisect_tool.trial.result import overall
from bisect_tool.trial.suite_check import NO_TESTS_COLLECTED, failed_start
from bisect_tool.trial.trials import TrialRun, Trials
from bisect_tool.trial.user_environment import command_environment
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.checks import ProjectCheck
    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.config import TrialConfig, TrialSpec


@dataclass(frozen=True)
class ProjectTrials(Trials):
    """Trials of a project's tests."""

    check: ProjectCheck

    def missing(self, spec: TrialSpec) -> Findings | None:
        """Return SKIPPED if the commit has none of the tests."""
        if present(self.check, spec.tree):
            return None
        reason = f"{NO_SUCH_TEST}: {' '.join(self.check.paths)}"
        return no_result(spec.cells, Outcome.SKIPPED, reason)

    def process(self, run: TrialRun) -> Process:
        """Return pytest, run in a built environment, or in the user's own."""
        config, place = run.config, run.place
        if self.check.python is None:
            env = {**clean_environment(config, place), **built_variables(place)}
        else:
            env = command_environment(os.environ, place.tree, config.own, config.passed)
        env |= {"TMPDIR": str(place.temporary), **gpus.visibility(config.gpus_of(place.slot))}
        env |= project_variables(self.check, place, env, config.cells, run.cells)
        argv = project_argv(self.check, place)
        return Process(argv, place.tree, env, config.deadline_s, None, Timeouts().grace)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Read the streamed report; `printed` stays empty, since all tests of a project share one log."""
        place = run.place
        ending = SuiteExit(guarded.reason, guarded.ended, guarded.exit_code)
        found = collect_project(place.stream, ending, run.cells)
        if found:
            shown = timeline(place.folder, place.logs, run.config.engine_logs)
            return Findings(overall(found), found, timeline=shown)
        if guarded.exit_code == NO_TESTS_COLLECTED:
            return no_result(run.cells, Outcome.SKIPPED, self._none_selected(run.config))
        return failed_start(run, guarded.exit_code)

    def _none_selected(self, config: TrialConfig) -> str:
        """Return why pytest selected no test, naming the options that select tests."""
        by = [f"--cells {shlex.quote(pattern)}" for pattern in config.cells]
        by += [f"--pytest-args {shlex.quote(shlex.join(self.check.args))}"] if self.check.args else []
        return clean_line(f"{NONE_SELECTED} by {' and '.join(by)}" if by else NONE_THERE)
