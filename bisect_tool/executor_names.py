"""The names of the executors, as in `--executor`; mypy checks that every dispatch by name knows them all."""

from __future__ import annotations

from typing import Literal, TypeAlias

CiService: TypeAlias = Literal["buildkite", "github"]
ExecutorName: TypeAlias = Literal["local", "ray", "buildkite", "github"]
NO_RAY = ("--executor ray needs the package ray", "Install it in a clone of bisect-run: pip install '.[ray]'")
"""The error, and what to do, where its package is missing."""
