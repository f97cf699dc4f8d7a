"""The result of a build, and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError, EnvironmentFailed, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Something to run a commit in.

    `variables` are to be added to the environment of what runs. `seconds` is how long it took to get it this
    time; `reused` means that nothing was built.
    """

    fingerprint: str
    path: Path
    python: Path
    variables: Mapping[str, str]
    seconds: float
    reused: bool


class BuildFailed(BisectError):
    """This commit does not build; others may.

    `log` has the whole output. `program` ended with exit `code`; None where none ended so.
    """

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, message: str, log: Path, program: str = "", code: int | None = None) -> None:
        super().__init__(message, f"The build's log is {log}.")
        self.log = log
        self.program = program
        self.code = code


class BuildInterrupted(EnvironmentFailed):
    """The build was cancelled; nothing is known about the commit."""

    exit_code = ExitCode.INTERRUPTED
