"""Run the ranks of a further node of a trial: the suite on the first node starts and ends them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.supervise.guardian_protocol import Reason
from bisect_tool.trial.cell_outcomes import SUITE_LOG
from bisect_tool.trial.findings import Findings, no_result
from bisect_tool.trial.process import Process, clean_environment
from bisect_tool.trial.suite_check import last_line, launch_variables, suite_path
from bisect_tool.trial.trials import TrialRun, Trials
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.supervise.guardian_protocol import GuardianResult

PORT_FILE = "rank_host.port"
"""The file in a trial's folder with the port at which the suite reaches the node."""
_BUILDS = 4
"""Before the suite starts, other nodes and then the first one may build, each after another session."""


@dataclass(frozen=True)
class RankNodeTrials(Trials):
    """The ranks of one node, without cells of their own."""

    def process(self, run: TrialRun) -> Process:
        """Return the program that starts servers for the suite; it ends with the suite."""
        config, place = run.config, run.place
        assert config.profile is not None
        argv = (
            sys.executable,
            "-B",
            "-m",
            "bisect_tool.pytest_plugin.rank_host",
            str(place.folder / PORT_FILE),
        )
        env = {
            **clean_environment(config, place),
            **launch_variables(config, place),
            "PYTHONPATH": suite_path(),
        }
        timeouts = config.profile.timeouts
        limit_s = timeouts.trial + _BUILDS * config.profile.build.timeout_s
        return Process(argv, place.folder, env, limit_s, None, timeouts.grace)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Return that nothing failed here, or why the program ended before the suite."""
        if guarded.reason is Reason.EXITED and guarded.exit_code == 0:
            return Findings(Outcome.PASSED)
        why = last_line(run.place.logs / f"{SUITE_LOG}.log") or guarded.reason
        return no_result(None, Outcome.INFRASTRUCTURE, f"the ranks of a node were ended: {why}")
