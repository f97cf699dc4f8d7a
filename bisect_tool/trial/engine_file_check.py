"""Run a test file of the engine's own repository inside the engine's environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.supervise import gpus
from bisect_tool.trial.config import expand, placeholders
from bisect_tool.trial.process import (
    STREAM_PLUGIN,
    Process,
    built_variables,
    clean_environment,
    report_variables,
    timed_process,
)
from bisect_tool.trial.suite_check import read_suite
from bisect_tool.trial.trials import TrialRun, Trials

if TYPE_CHECKING:
    from bisect_tool.checks import PytestCheck
    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.findings import Findings


@dataclass(frozen=True)
class EngineFileTrials(Trials):
    """Trials of one test file of the engine."""

    check: PytestCheck

    def process(self, run: TrialRun) -> Process:
        """Return pytest, run in the environment built for the commit."""
        config, place = run.config, run.place
        assert config.profile is not None
        assert place.environment is not None
        argv = (
            str(place.environment.python),
            *("-m", "pytest", "-p", "no:cacheprovider", "-p", "bisect_stream", "-s", "-v", self.check.file),
        )
        values = placeholders(config, place)
        variables = built_variables(place)
        # The file itself says how many GPUs it uses; beside other trials it sees those of its slot alone.
        mine = config.gpus_of(place.slot) if config.slots > 1 or config.devices or config.share_gpu else ()
        path = os.pathsep.join(filter(None, (variables.get("PYTHONPATH", ""), str(STREAM_PLUGIN))))
        env = {
            **clean_environment(config, place),
            **variables,
            **{name: expand(value, values) for name, value in config.profile.launch.env.items()},
            **gpus.visibility(mine),
            **report_variables(place, run.selected),
            "PYTHONPATH": path,
        }
        return timed_process(config.profile.timeouts, argv, place.tree, env)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Read the streamed report, with the evidence of the engine's logs."""
        return read_suite(run, guarded)
