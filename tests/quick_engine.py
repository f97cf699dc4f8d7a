"""Variables that make the reference engine start sooner: stand-ins, which its PYTHONPATH names."""

from __future__ import annotations

import shutil
from pathlib import Path

SCENARIOS = Path(__file__).parents[1] / "scenarios"
_FOLDER = Path(__file__).parent / "cli"
WITHOUT_TORCH = {"PYTHONPATH": f"{{tree}}:{_FOLDER / 'fake_torch'}"}
QUICK = {
    "PYTHONPATH": f"{WITHOUT_TORCH['PYTHONPATH']}:{_FOLDER / 'fork_engine_processes'}",
    "TORCH_IMPORT_S": "0.7",
}
"""Torch is ready last: how the history's culprit fails depends on it."""


def copy_scenarios(folder, variables):
    """Copy the bundled scenarios to a folder, with these variables for the engine."""
    for name in ("external_lb_dp", "shutdown"):
        shutil.copytree(SCENARIOS / name, folder / name)
    file = folder / "external_lb_dp" / "scenario.toml"
    before, section, launch = file.read_text().partition("[profiles.reference.launch]")
    env, first = "env = { ", 'VLLM_SERVER_DEV_MODE = "1"'
    assert launch.count(env + first) == 2
    added = "".join(f'{name} = "{value}", ' for name, value in variables.items())
    file.write_text(before + section + launch.replace(env + first, env + added + first))
    return folder


def use_one_rank(scenario):
    """Change a copy of the scenario `external-lb-dp` to one rank, which is half of the work.

    The rank takes 60% of the GPU's memory, where two take 45% each.
    """
    file = scenario / "scenario.toml"
    text = file.read_text()
    model, share = 'model = "tiny-moe"\n', '"--gpu-memory-utilization", "0.45"'
    assert (text.count(model), text.count(share)) == (2, 1)
    file.write_text(text.replace(model, f"{model}dp_size = 1\n").replace(share, share.replace("0.45", "0.6")))
