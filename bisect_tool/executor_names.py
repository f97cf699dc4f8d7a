"""The names of the executors, as in `--executor`; mypy checks that every dispatch by name knows them all."""

from __future__ import annotations

from typing import Literal, TypeAlias

CiService: TypeAlias = Literal["buildkite", "github"]
ExecutorName: TypeAlias = Literal["local", "ray", "buildkite", "github"]
