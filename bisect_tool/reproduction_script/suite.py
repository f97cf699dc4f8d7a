"""Put a scenario's own suite into the script: its files, its harness and the launch of the engine."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from bisect_tool.reproduction_script.bundle import heredoc, is_text
from bisect_tool.supervise.ports import share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from bisect_tool.scenario import Profile, Scenario

_HARNESS = ("pytest", "requests", "pydantic")
"""What the fixtures need besides this package."""


def suite_files(scenario: Scenario, profile: Profile) -> Iterator[str]:
    """Write the suite and its launch, and install the harness where the interpreter lacks it."""
    pins = " ".join(f"{name}=={installed(name)}" for name in _HARNESS)
    yield "harness=$python"
    yield f'if ! "$python" -c "import {", ".join(_HARNESS)}" 2> /dev/null; then'
    yield '  "${PYTHON:-python3}" -m venv "$work/harness"'
    yield f'  "$work/harness/bin/python" -m pip install --quiet {pins}'
    yield "  harness=$work/harness/bin/python"
    yield "fi"
    for path in _of_scenario(scenario):
        target = f'"$scenario"/{shlex.quote(str(path.relative_to(scenario.folder)))}'
        yield f'mkdir -p "$(dirname {target})"'
        yield from heredoc(target, path.read_text(encoding="utf-8"))
    yield from heredoc('"$work/launch.in"', json.dumps(_launch(scenario, profile), indent=1))
    yield from heredoc('"$work/launch.py"', _FILL_LAUNCH)


def suite_command(suite: str, cells: Collection[str]) -> str:
    """The command of one run of these cells; of all if empty."""
    tests = [f'"$scenario"/{shlex.quote(f"{suite}::{cell}")}' for cell in cells]
    variables = 'env PYTHONPATH="$work/modules" BISECT_RUN_LAUNCH="$logs/launch.json"'
    options = "-p no:cacheprovider -p bisect_tool.pytest_plugin.fixtures -q -c /dev/null"
    pytest = f'"$harness" -B -m pytest {options} --rootdir "$scenario" --confcutdir "$scenario"'
    return " ".join((variables, pytest, *(tests or [f'"$scenario"/{shlex.quote(suite)}'])))


def _of_scenario(scenario: Scenario) -> Iterator[Path]:
    """Write the suite and the files beside it: its conftest, its data."""
    for path in sorted(scenario.folder.rglob("*")):
        inside = path.relative_to(scenario.folder).parts
        if is_text(path) and not any(part.startswith((".", "__pycache__")) for part in inside):
            yield path


def _launch(scenario: Scenario, profile: Profile) -> dict[str, object]:
    """`launch.json` with its templates as they are."""
    launch, ports = profile.launch, share(0, 1)
    asked = launch.model_dump(mode="json", exclude={"gpus_per_rank"})
    return {
        **asked,
        "served_model": launch.served_model or launch.model,
        "ports": {"start": ports.start, "stop": ports.stop},
        "rank_env": [_devices(rank, launch.gpus_per_rank) for rank in range(launch.dp_size)],
        "ready_s": profile.timeouts.ready,
        "teardown_s": profile.timeouts.teardown,
        "engine_logs": scenario.logs.model_dump(mode="json"),
    }


def _devices(rank: int, count: int) -> dict[str, str]:
    mine = range(rank * count, (rank + 1) * count)
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, mine))} if count else {}


_FILL_LAUNCH = """\
# Fills the templates of a launch file with the folders of this run.
import json, os, sys


def filled(value):
    if isinstance(value, str):
        return value.format_map(os.environ)
    if isinstance(value, list):
        return [filled(item) for item in value]
    return {name: filled(item) for name, item in value.items()} if isinstance(value, dict) else value


with open(sys.argv[1]) as file:
    launch = json.load(file)
known = launch.pop("engine_logs")
launch = {**filled(launch), "engine_logs": known}
launch["env"] = {**os.environ, **launch["env"]}
launch["logs"] = os.environ["logs"]
json.dump(launch, sys.stdout, indent=1)
"""
