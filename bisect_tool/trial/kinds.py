"""Select the trials of each kind of check: the one place in trial/ that lists the kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from bisect_tool.checks import CommandCheck, JobCheck, ProjectCheck, PytestCheck, SuiteCheck
from bisect_tool.supervise.stress import stressed
from bisect_tool.trial.command_check import CommandTrials
from bisect_tool.trial.engine_file_check import EngineFileTrials
from bisect_tool.trial.job_check import JobTrials
from bisect_tool.trial.project_check import ProjectTrials
from bisect_tool.trial.rank_node import RankNodeTrials
from bisect_tool.trial.suite_check import SuiteTrials
from bisect_tool.trial.trials import TrialRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.trial.config import TrialConfig, TrialPaths
    from bisect_tool.trial.process import Process
    from bisect_tool.trial.trials import Trials


def trials_of(config: TrialConfig) -> Trials:
    """Return the trials of a configuration's check; on a further node of a trial, those of its ranks."""
    if config.node is not None and config.node.index > 0:
        return RankNodeTrials()
    check = config.check
    match check:
        case SuiteCheck():
            return SuiteTrials()
        case PytestCheck():
            return EngineFileTrials(check)
        case ProjectCheck():
            return ProjectTrials(check)
        case CommandCheck():
            return CommandTrials(check)
        case JobCheck():
            return JobTrials(check)
    assert_never(check)


def make_process(config: TrialConfig, place: TrialPaths, cells: Sequence[str] | None) -> Process:
    """Return the process of a trial that runs `cells` at `place`, under the configured stress."""
    process = trials_of(config).process(TrialRun(config, place, cells))
    if config.stress is None:
        return process
    kind, roles = config.stress
    return replace(process, argv=stressed(kind, roles, process.argv))
