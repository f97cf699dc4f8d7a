"""The names of the executors, as in `--executor`; mypy checks that every dispatch by name knows them all."""

from __future__ import annotations

from typing import Literal, TypeAlias

CiService: TypeAlias = Literal["buildkite", "github"]
ExecutorName: TypeAlias = Literal["local", "ray", "buildkite", "github"]
NO_RAY = ("--executor ray needs the package ray", "Install it in a clone of bisect-run: pip install '.[ray]'")
"""The error, and what to do, where its package is missing."""
_PUSH_HINT = "push a candidate as a branch, and run `bisect-run repro BRANCH --branch BRANCH --executor ...`"
NO_FIXES_IN_CI = (
    "`fixes` runs on this machine or on a Ray cluster: CI has no build of a revert, patch or cherry-pick",
    f"Remove the options of CI, or {_PUSH_HINT}.",
)
"""The error, and what to do, where `fixes` is given options of CI."""
