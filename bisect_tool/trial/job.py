"""From a check to the process that runs it: argv, folder, environment, deadlines."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.request import CommandCheck, ProjectCheck, PytestCheck
from bisect_tool.scenario import LaunchProfile, Profile, Scenario, Timeouts
from bisect_tool.supervise import gpus, ports
from bisect_tool.supervise.stress import stressed
from bisect_tool.trial.config import TrialConfig, TrialPaths, expand, placeholders
from bisect_tool.trial.project import project_argv, project_variables
from bisect_tool.trial.user_environment import command_environment, withheld

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STREAM_PLUGIN = Path(__file__).parent.parent / "suite" / "stream"
_DEVICES = "CUDA_VISIBLE_DEVICES"
_NOT_OURS = ("PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Job:
    """One process to run under the guardian; times in seconds."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    deadline_s: float
    idle_s: float | None
    grace_s: float


def make_job(config: TrialConfig, place: TrialPaths, cells: Sequence[str] | None) -> Job:
    """The process that runs `cells` (None: those of the setting) of the setting's check at `place`."""
    job = _unstressed(config, place, cells)
    if config.stress is None:
        return job
    kind, roles = config.stress
    return replace(job, argv=stressed(kind, roles, job.argv))


def _unstressed(config: TrialConfig, place: TrialPaths, cells: Sequence[str] | None) -> Job:
    if isinstance(config.check, CommandCheck):
        return _command(config, config.check, place)
    if isinstance(config.check, ProjectCheck):
        return _project(config, config.check, place, cells)
    if isinstance(config.check, PytestCheck):
        return _engine_file(config, config.check, place, cells or config.cells or None)
    return _suite(config, place, cells or config.cells or None)


def clean_environment(config: TrialConfig, place: TrialPaths) -> dict[str, str]:
    """The caller's environment without secrets and without what would steer our Python or pytest."""
    hidden = {*withheld(os.environ, config.passed), *_NOT_OURS}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith("GIT_")
    }
    return {**kept, "TMPDIR": str(place.temporary)}


def _command(config: TrialConfig, check: CommandCheck, place: TrialPaths) -> Job:
    env = command_environment(os.environ, place.tree, config.own, config.passed)
    env |= {"TMPDIR": str(place.temporary), **_variables(place)}
    return Job(check.argv, place.tree, env, config.deadline_s, None, Timeouts().grace)


def _suite(config: TrialConfig, place: TrialPaths, cells: Sequence[str] | None) -> Job:
    assert config.scenario is not None
    assert config.profile is not None
    launch = place.folder / "launch.json"
    launch.write_text(json.dumps(_launch(config, config.profile, place), indent=1), encoding="utf-8")
    env = {
        **clean_environment(config, place),
        **_report(place, cells),
        "BISECT_RUN_LAUNCH": str(launch),
        "PYTHONPATH": suite_path(),
    }
    return _timed(config.profile.timeouts, suite_argv(config.scenario), place.folder, env)


def suite_argv(scenario: Scenario) -> tuple[str, ...]:
    """The pytest process of a scenario's own suite; the scenario's folder is never written to."""
    return (
        sys.executable,
        *(
            "-B",
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "bisect_stream",
            "-p",
            "bisect_tool.suite.fixtures",
        ),
        *("-q", "--rootdir", str(scenario.folder), "-c", os.devnull),
        str(scenario.suite_path),
    )


def suite_path() -> str:
    """PYTHONPATH of a suite's process: the stream plugin's folder, and this very package's."""
    return os.pathsep.join((str(_STREAM_PLUGIN), str(_STREAM_PLUGIN.parent.parent)))


def _engine_file(
    config: TrialConfig, check: PytestCheck, place: TrialPaths, cells: Sequence[str] | None
) -> Job:
    assert config.profile is not None
    assert place.environment is not None
    argv = (
        str(place.environment.python),
        *("-m", "pytest", "-p", "no:cacheprovider", "-p", "bisect_stream", "-s", "-v", check.file),
    )
    values = placeholders(config, place)
    variables = _variables(place)
    # The file itself says how many GPUs it uses; beside other trials it sees those of its slot alone.
    mine = gpus.share(place.slot, config.gpus) if config.slots > 1 else ()
    path = os.pathsep.join(filter(None, (variables.get("PYTHONPATH", ""), str(_STREAM_PLUGIN))))
    env = {
        **clean_environment(config, place),
        **variables,
        **{name: expand(value, values) for name, value in config.profile.launch.env.items()},
        **({_DEVICES: ",".join(mine)} if mine else {}),
        **_report(place, cells),
        "PYTHONPATH": path,
    }
    return _timed(config.profile.timeouts, argv, place.tree, env)


def _project(config: TrialConfig, check: ProjectCheck, place: TrialPaths, cells: Sequence[str] | None) -> Job:
    """The tests in a built environment, or in the user's own as a plain command would find it."""
    if check.python is None:
        env = {**clean_environment(config, place), **_variables(place)}
    else:
        env = command_environment(os.environ, place.tree, config.own, config.passed)
    env |= {"TMPDIR": str(place.temporary)}
    env |= project_variables(check, place, env, config.cells, cells)
    argv = project_argv(check, place)
    return Job(argv, place.tree, env, config.deadline_s, None, Timeouts().grace)


def _timed(timeouts: Timeouts, argv: tuple[str, ...], cwd: Path, env: Mapping[str, str]) -> Job:
    return Job(argv, cwd, env, timeouts.trial, timeouts.idle, timeouts.grace)


def _variables(place: TrialPaths) -> dict[str, str]:
    return dict(place.environment.variables) if place.environment else {}


def _report(place: TrialPaths, cells: Sequence[str] | None) -> dict[str, str]:
    report = {"BISECT_RUN_REPORT": str(place.stream)}
    return report if cells is None else {**report, "BISECT_RUN_CELLS": json.dumps(list(cells))}


def _launch(config: TrialConfig, profile: Profile, place: TrialPaths) -> dict[str, object]:
    """The launch.json that the pytest plugin reads: templates filled, ports and folders added."""
    values = placeholders(config, place)
    launch: LaunchProfile = profile.launch
    model = expand(launch.model, values)
    mine = ports.share(place.slot, config.slots)
    env = {**clean_environment(config, place), **_variables(place)}
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
    }


def _devices(config: TrialConfig, launch: LaunchProfile, place: TrialPaths) -> list[dict[str, str]]:
    """The GPUs of each rank; none asked for: leave them alone."""
    count, mine = launch.gpus_per_rank, gpus.share(place.slot, config.gpus)
    shares = [mine[rank * count : (rank + 1) * count] for rank in range(launch.dp_size)]
    return [{_DEVICES: ",".join(share)} if share else {} for share in shares]
