"""The environment that a build results in, and the errors of builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError, EnvironmentFailed, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """The environment in which a commit's code runs.

    `variables` are environment variables for the trial. `seconds` is how long preparing it took this time;
    `reused` means that nothing was built.
    """

    fingerprint: str
    path: Path
    python: Path
    variables: Mapping[str, str]
    seconds: float
    reused: bool


class BuildFailed(BisectError):
    """This commit does not build; others may.

    `log` has the whole output. `program` ended with exit code `code`; without one, no program failed (for
    example, the time limit passed).
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
