"""Which versions an environment holds: for the report, so that another person can have the same."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TELLING = ("vllm", "torch", "transformers", "pyzmq")


def versions(cache: Path, fingerprint: str) -> dict[str, str]:
    """The versions of telling packages in an environment; those of our own where it has no interpreter."""
    folders = (cache / "environments" / fingerprint).glob("venv/lib/python*/site-packages")
    path = [str(folder) for folder in folders] or sys.path
    found = {item.name: item.version for item in distributions(path=path)}
    return {name: found[name] for name in TELLING if name in found}
