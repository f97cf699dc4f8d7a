"""This package as a folder that Ray sends to the nodes, which then run the same code as the driver."""

from __future__ import annotations

import shutil
from pathlib import Path

from bisect_tool.scenario import scenarios_root

_PACKAGE = Path(__file__).parents[2]
_SCENARIOS = "_scenarios"
_COMPILED = shutil.ignore_patterns("__pycache__")


def copy_package(folder: Path) -> Path:
    """Copy this package into a folder as the wheel has it, with the bundled scenarios; returns its path."""
    target = folder / _PACKAGE.name
    shutil.copytree(_PACKAGE, target, ignore=_COMPILED)
    if not (target / _SCENARIOS).is_dir():  # in a checkout they lie beside it
        shutil.copytree(scenarios_root(), target / _SCENARIOS, ignore=_COMPILED)
    return target
