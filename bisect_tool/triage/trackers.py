"""What is known of projects and their CI services, from `trackers.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

PIPELINES: Mapping[str, str] = _KNOWN["pipelines"]
"""The project that each pipeline builds; the first of a project has the builds that go by number alone."""
RUNS_IN_TESTS: tuple[str, ...] = tuple(_KNOWN["pytest"]["inside_tests"])
"""Projects whose CI runs pytest inside the folder `tests`."""
