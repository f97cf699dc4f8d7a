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
_EXCLUDED: Any = {"build": {"commit_wheels": {"url", "cache_gib"}}, "ray": True}
_PACKAGE = Path(__file__).parent.parent
_OWN_CODE = (
    "evidence",
    "pytest_plugin",
    "supervise",
    "sanitise.py",
    "secret_patterns.py",
    "trial",
    "verdict.py",
)
"""The parts of this package that affect the results of a suite."""


def version(config: TrialConfig) -> str:
    """Return a hash of the suite, the profile with its build, the check, the cells, and our own code.

    Empty for a command, whose inputs are unknown.
    """
    if config.scenario is None or config.profile is None:
        return ""
    content = {
        "format": _FORMAT,
        "machine": f"{sys.implementation.cache_tag} {platform.machine()}",
        "ours": _own_files(),
        "scenario": scenario_digest(config.scenario),
        "profile": config.profile.model_dump(mode="json", exclude=_EXCLUDED, exclude_none=True),
        "check": config.check.model_dump(mode="json"),
        "cells": config.cells,
        **({"passed": config.passed} if config.passed else {}),
        **({"gpus": config.gpus} if config.devices else {}),
        **({"share_gpu": True} if config.share_gpu else {}),
        **({"nodes": config.nodes} if config.nodes > 1 else {}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def scenario_digest(scenario: Scenario) -> str:
    """Return the SHA-256 of a scenario: its files, and the profiles that it imports from another one."""
    profiles = {
        name: profile.model_dump(mode="json", exclude_none=True)
        for name, profile in scenario.profiles.items()
    }
    content = [_digest(scenario.folder), profiles]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def _own_files() -> tuple[str, ...]:
    return tuple(_digest(_PACKAGE / name) for name in _OWN_CODE)


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
