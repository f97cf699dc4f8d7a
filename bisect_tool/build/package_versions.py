"""List the package versions of an environment, for the report and for reproduction scripts."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING

from bisect_tool.evidence.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

REPORTED_PACKAGES = (*sorted(PATTERNS.packages), "torch", "transformers", "pyzmq")
"""Known engines, and their main dependencies."""
METADATA_ONLY_INSTALLER = "bisect-run"
"""The INSTALLER of a distribution for which only metadata was written."""


def pinned_packages(cache: Path, fingerprint: str) -> tuple[str, ...]:
    """Return the packages that an environment got from a registry, as sorted `name==version`.

    Distributions that were built from a folder (PEP 610) or have only metadata are left out.
    """
    folders = [str(path) for path in _folders(cache, fingerprint)]
    found = distributions(path=folders) if folders else ()
    fetched = (
        item for item in found if item.read_text("direct_url.json") is None and not _has_only_metadata(item)
    )
    return tuple(sorted({f"{item.name}=={item.version}" for item in fetched}))


def versions(cache: Path, fingerprint: str) -> dict[str, str]:
    """Return the versions of the reported packages in an environment; empty if it was removed.

    An environment without an interpreter uses ours, and so our packages.
    """
    if not (cache / "environments" / fingerprint).is_dir():
        return {}
    path = [str(folder) for folder in _folders(cache, fingerprint)] or sys.path
    found = {item.name: item.version for item in distributions(path=path)}
    return {name: found[name] for name in REPORTED_PACKAGES if name in found}


def _has_only_metadata(item: Distribution) -> bool:
    return (item.read_text("INSTALLER") or "").strip() == METADATA_ONLY_INSTALLER


def _folders(cache: Path, fingerprint: str) -> Iterable[Path]:
    return (cache / "environments" / fingerprint).glob("venv/lib/python*/site-packages")
