"""Run a scenario's own suite, which launches the engine itself, and read its report."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.evidence import exit_text
from bisect_tool.pytest_plugin.launch import KEY_VARIABLE
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise import gpus, ports
from bisect_tool.supervise.logs import last_lines
from bisect_tool.trial.cell_outcomes import SUITE_LOG, SuiteExit, collect, printed, timeline, unreadable
from bisect_tool.trial.config import expand, placeholders
from bisect_tool.trial.findings import REASON_LIMIT, Findings, no_result
from bisect_tool.trial.process import (
    STREAM_PLUGIN,
    Process,
    built_variables,
    clean_environment,
    report_variables,
    timed_process,
)
from bisect_tool.trial.result import overall
from bisect_tool.trial.trials import TrialRun, Trials
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.scenario import LaunchProfile, Profile, Scenario
    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.config import TrialConfig, TrialPaths

NO_TESTS_COLLECTED = 5  # pytest.ExitCode
_PACKAGES = Path(__file__).parents[2]
"""The folder with this package."""
_LAST_LINES = 100
_PYTEST_ENDED = re.compile(r"\S.*: error: (?P<error>.+)|!+ (?:_pytest\.outcomes\.)?(?P<exit>.+?) !+")
"""What pytest prints about options that it does not know, and about a call of `pytest.exit`."""


@dataclass(frozen=True)
class SuiteTrials(Trials):
    """Trials of a scenario's own suite."""

    def process(self, run: TrialRun) -> Process:
        """Return pytest, run in this tool's interpreter; its fixtures start the engine from launch.json."""
        config, place = run.config, run.place
        assert config.scenario is not None
        assert config.profile is not None
        env = {
            **clean_environment(config, place),
            **report_variables(place, run.selected),
            **launch_variables(config, place),
            "PYTHONPATH": suite_path(),
        }
        return timed_process(config.profile.timeouts, suite_argv(config.scenario), place.folder, env)

    def read(self, run: TrialRun, guarded: GuardianResult) -> Findings:
        """Read the streamed report, with the evidence of the engine's logs."""
        return read_suite(run, guarded)


def launch_variables(config: TrialConfig, place: TrialPaths) -> dict[str, str]:
    """Write launch.json, and return the variables for the programs that start servers from it."""
    assert config.profile is not None
    path = place.folder / "launch.json"
    path.write_text(json.dumps(_launch(config, config.profile, place), indent=1), encoding="utf-8")
    named = {"BISECT_RUN_LAUNCH": str(path)}
    return named if config.node is None else {**named, KEY_VARIABLE: config.node.key}


def suite_argv(scenario: Scenario) -> tuple[str, ...]:
    """Return the pytest command of a scenario's suite.

    It does not write to the scenario's folder, and does not look at folders above it: pytest would load each
    `conftest.py` there, and list all of their files.
    """
    plugins = ("no:cacheprovider", "bisect_stream", "bisect_tool.pytest_plugin.fixtures")
    folder = str(scenario.folder)
    return (
        sys.executable,
        *("-B", "-m", "pytest", *(word for plugin in plugins for word in ("-p", plugin))),
        *("-q", "--rootdir", folder, "--confcutdir", folder, "-c", os.devnull),
        str(scenario.suite_path),
    )


def suite_path() -> str:
    """Return the PYTHONPATH of a suite's process: the stream plugin's folder and that of this package."""
    return os.pathsep.join((str(STREAM_PLUGIN), str(_PACKAGES)))


def read_suite(run: TrialRun, guarded: GuardianResult) -> Findings:
    """Return the cells that a suite reported, each with the evidence of the logs written while it ran.

    Raises:
        UsageError: no cell matches the patterns.
    """
    config, place = run.config, run.place
    known = config.engine_logs
    ending = SuiteExit(guarded.reason, guarded.ended, guarded.exit_code)
    found = collect(place.stream, place.logs, guarded.parents, ending, run.cells, engine=known)
    if found:
        return Findings(
            overall(found),
            found,
            timeline=timeline(place.folder, place.logs, known),
            printed=printed(place.logs, found, known.known),
        )
    if guarded.exit_code == NO_TESTS_COLLECTED and config.cells:
        wanted = " ".join(config.cells)
        raise UsageError(
            f"no cell matches {wanted}", "Only `*` and `?` are wildcards; brackets match themselves."
        )
    return failed_start(run, guarded.exit_code)


def failed_start(run: TrialRun, code: int | None) -> Findings:
    """Return the findings of a pytest process that reported no test, and why it ended with `code`."""
    reason = unreadable(run.place.stream) or _why_ended(run.place.logs / f"{SUITE_LOG}.log")
    ended = () if code is None else (exit_text(code),)
    reason = ": ".join(("the suite could not start", *ended, reason))
    return no_result(run.cells, Outcome.ERRORED, reason)


def _why_ended(log: Path) -> str:
    """Return what pytest says about an option it does not know, or an exit; else the last line of a log."""
    lines = last_lines(log, _LAST_LINES)
    ended = next((found for text in reversed(lines) if (found := _PYTEST_ENDED.fullmatch(text))), None)
    return clean_line(ended["error"] or ended["exit"], REASON_LIMIT) if ended else last_line(log)


def last_line(log: Path) -> str:
    """Return the last line of a log that is not blank."""
    lines = (text.strip() for text in reversed(last_lines(log, _LAST_LINES)))
    return clean_line(next(filter(None, lines), ""), REASON_LIMIT)


def _launch(config: TrialConfig, profile: Profile, place: TrialPaths) -> dict[str, object]:
    """Return the launch.json for the pytest plugin: templates expanded, ports and folders added."""
    values = placeholders(config, place)
    launch: LaunchProfile = profile.launch
    model = expand(launch.model, values)
    mine = ports.share(place.slot, config.slots)
    env = {**clean_environment(config, place), **built_variables(place)}
    return {
        "command": [expand(part, values) for part in launch.command],
        "args": [expand(part, values) for part in launch.args],
        "env": {**env, **{name: expand(value, values) for name, value in launch.env.items()}},
        "dp_size": launch.dp_size,
        "tp_size": launch.tp_size,
        "model": model,
        "served_model": launch.served_model or model,
        "logs": str(place.logs),
        "ports": {"start": mine.start, "stop": mine.stop},
        "rpc_port": launch.rpc_port,
        "fixed_ports": launch.fixed_ports,
        "rank_env": _devices(config, launch, place),
        "ready_s": profile.timeouts.ready,
        "teardown_s": profile.timeouts.teardown,
        "sigterm": launch.sigterm,
        "health": launch.health,
        "engine_logs": config.engine_logs.model_dump(mode="json"),
        **_nodes(config),
    }


def _nodes(config: TrialConfig) -> dict[str, object]:
    if config.node is None:
        return {}
    others = [host.model_dump() for host in config.node.others]
    return {"address": config.node.address, "nodes": others}


def _devices(config: TrialConfig, launch: LaunchProfile, place: TrialPaths) -> list[dict[str, str]]:
    """Return the variables that select the GPUs of each rank; empty if ranks have none of their own."""
    count, mine = config.gpus_per_rank, config.gpus_of(place.slot)
    if config.share_gpu:
        return [gpus.visibility(mine)] * launch.dp_size
    here = launch.dp_size // config.nodes
    first = here * config.node.index if config.node else 0
    own = [gpus.visibility(mine[rank * count : (rank + 1) * count]) for rank in range(here)]
    return [*[{}] * first, *own, *[{}] * (launch.dp_size - first - here)]
