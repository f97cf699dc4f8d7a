"""Copy this package into a folder that Ray sends to the nodes, so that they run the driver's code."""

from __future__ import annotations

import shutil
from pathlib import Path

from bisect_tool.scenario import scenarios_root

_PACKAGE = Path(__file__).parents[2]
_SCENARIOS = "_scenarios"
_COMPILED = shutil.ignore_patterns("__pycache__")


def copy_package(folder: Path) -> Path:
    """Copy this package into a folder as in the wheel, with the bundled scenarios; returns its path."""
    target = folder / _PACKAGE.name
    shutil.copytree(_PACKAGE, target, ignore=_COMPILED)
    if not (target / _SCENARIOS).is_dir():  # in a checkout they lie beside it
        shutil.copytree(scenarios_root(), target / _SCENARIOS, ignore=_COMPILED)
    return target
