"""List the package versions of an environment, for the report and for scripts."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from bisect_tool.evidence.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CONCLUSIVE = (*sorted(PATTERNS.packages), "torch", "transformers", "pyzmq")
"""The engines that are known, and what they stand on."""
OURS = "bisect-run"
"""The installer of a distribution of which there is the metadata alone."""


def pinned(cache: Path, fingerprint: str) -> tuple[str, ...]:
    """What was installed into an environment of its own from a registry, as `name==version`, sorted.

    Distributions that were built from a folder (PEP 610), and what we only introduced, are left out.
    """
    folders = [str(path) for path in _folders(cache, fingerprint)]
    found = distributions(path=folders) if folders else ()
    fetched = (
        item
        for item in found
        if item.read_text("direct_url.json") is None and (item.read_text("INSTALLER") or "").strip() != OURS
    )
    return tuple(sorted({f"{item.name}=={item.version}" for item in fetched}))


def versions(cache: Path, fingerprint: str) -> dict[str, str]:
    """Return the versions of relevant packages in an environment, or in our own if it has no interpreter.

    None are known of an environment that was removed.
    """
    if not (cache / "environments" / fingerprint).is_dir():
        return {}
    path = [str(folder) for folder in _folders(cache, fingerprint)] or sys.path
    found = {item.name: item.version for item in distributions(path=path)}
    return {name: found[name] for name in CONCLUSIVE if name in found}


def _folders(cache: Path, fingerprint: str) -> Iterable[Path]:
    return (cache / "environments" / fingerprint).glob("venv/lib/python*/site-packages")
