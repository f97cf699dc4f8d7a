"""Compute the key under which sessions share trials: everything but the commit that affects the outcome."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.scenario import Scenario
    from bisect_tool.trial.config import TrialConfig

_FORMAT = 1
_NOT_IN_IT: Any = {"build": {"commit_wheels": {"url", "cache_gib"}}, "ray": True}
_PACKAGE = Path(__file__).parent.parent
_OURS = ("evidence", "suite", "supervise", "sanitise.py", "trial", "verdict.py")
"""What of this package has a say in what a suite's cells yield."""


def version(config: TrialConfig) -> str:
    """Twenty hex digits for the suite, the profile with its build, the check, the cells, and what reads them.

    Empty for a command, whose inputs are unknown.
    """
    if config.scenario is None or config.profile is None:
        return ""
    content = {
        "format": _FORMAT,
        "machine": f"{sys.implementation.cache_tag} {platform.machine()}",
        "ours": _ours(),
        "scenario": scenario_digest(config.scenario),
        "profile": config.profile.model_dump(mode="json", exclude=_NOT_IN_IT, exclude_none=True),
        "check": config.check.model_dump(mode="json"),
        "cells": config.cells,
        **({"passed": config.passed} if config.passed else {}),
        **({"gpus": config.gpus} if config.devices else {}),
        **({"share_gpu": True} if config.share_gpu else {}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def scenario_digest(scenario: Scenario) -> str:
    """SHA-256 in hex of a scenario: of its files, and of the profiles that it has of another one."""
    profiles = {
        name: profile.model_dump(mode="json", exclude_none=True)
        for name, profile in scenario.profiles.items()
    }
    content = [_digest(scenario.folder), profiles]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def _ours() -> tuple[str, ...]:
    return tuple(_digest(_PACKAGE / name) for name in _OURS)


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(place)) if place.is_dir() else [place]:
        digest.update(f"{path.relative_to(place)}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Return the regular files of a folder, without hidden and compiled ones."""
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path
