"""Create virtual environments and install into them, with uv if available, else venv and pip.

Requirements are installed as wheels only: nothing is compiled, and no `setup.py` of a dependency runs.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build.build import tail
from bisect_tool.build.environment import BuildFailed
from bisect_tool.build.environment_variables import installer_environment
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import find_program
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.build.build import Build

# Messages of pip and uv about the package index or the machine, not the requirement.
_UNAVAILABLE = re.compile(
    r"Retrying \(Retry\(|Max retries exceeded|Connection (?:broken|refused|reset|aborted)|Read timed out"
    r"|error sending request|dns error|operation timed out|HTTP error 5\d\d|\b5\d\d Server Error"
    r"|status server error|No space left on device|Network connectivity is disabled"
    r"|error: command '\S*(?:cc|\+\+|clang)[\d.-]*' failed: No such file|can't find Rust compiler",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Installer:
    """Makes a build's virtual environment and installs into it; `uv` is the path of uv, empty for pip."""

    build: Build
    uv: str

    @classmethod
    def find(cls, build: Build) -> Installer:
        """Return an installer with uv (on PATH or in the folder of our interpreter), else with pip."""
        adjacent = Path(sys.executable).with_name("uv")
        return cls(build, find_program("uv") or (str(adjacent) if adjacent.is_file() else ""))

    def create(self) -> None:
        """Make the virtual environment.

        Raises:
            EnvironmentFailed: the profile's Python version is not installed.
        """
        python, venv = self.build.profile.python, str(self.build.folder / "venv")
        if self.uv:
            argv = [self.uv, "venv", "--quiet", "--python", python or sys.executable, venv]
        else:
            argv = [_interpreter(python), "-m", "venv", venv]
        try:
            self._run(argv)
        except BuildFailed as error:
            which = f"Python {python}" if python else "this Python"
            raise EnvironmentFailed(
                f"cannot create a virtual environment with {which}: {error.message}",
                error.hint,
            ) from error

    def install(self, requirements: Sequence[str], *options: str) -> None:
        """Install wheels; `options` are those that pip and uv have in common.

        Raises:
            BuildFailed: a wheel does not exist.
            EnvironmentFailed: the registry cannot be reached, or the disk is full.
        """
        if requirements:
            self._run([*self._tool("install"), "--only-binary", ":all:", *options, *requirements])

    def build_tree(self, env: Mapping[str, str]) -> None:
        """Build and install the commit's tree and its dependencies; its build code runs with `env`.

        Raises:
            BuildFailed: it does not build.
            EnvironmentFailed: the registry cannot be reached, or the disk is full.
        """
        self._run([*self._tool("install"), str(self.build.tree)], env)

    def install_with_sources(self, requirements: Sequence[str], env: Mapping[str, str]) -> None:
        """Install requirements, from source where there is no wheel; their build code runs with `env`.

        Raises:
            BuildFailed: a distribution does not exist, or does not build.
            EnvironmentFailed: the registry cannot be reached, or the disk is full.
        """
        self._run([*self._tool("install"), *requirements], env)

    def remove(self, names: Sequence[str]) -> None:
        """Uninstall distributions, if they are installed."""
        if names:
            self._run([*self._tool("uninstall"), *([] if self.uv else ["--yes"]), *names])

    def _tool(self, command: str) -> list[str]:
        python = str(self.build.python)
        if self.uv:
            return [self.uv, "pip", command, "--quiet", "--python", python]
        quiet = ("--disable-pip-version-check", "--no-input", "--quiet", "--log", str(self.build.pip_log))
        return [python, "-m", "pip", command, *quiet]

    def _run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.build.note("")
        start = self.build.log.stat().st_size
        try:
            self.build.run(argv, env or installer_environment(os.environ), self.build.folder)
        except BuildFailed as error:
            if env is None and self.build.is_expired:
                raise EnvironmentFailed(
                    f"the package index timed out: {error.message}", error.hint
                ) from error
            if error_line := unavailable(f"{tail(self.build.log, start)}\n{self._details()}"):
                raise EnvironmentFailed(
                    f"the package index or this machine failed: {error_line}", error.hint
                ) from error
            raise

    def _details(self) -> str:
        """Return pip's own log, which distinguishes a failing server from a missing file."""
        return tail(self.build.pip_log, 0) if self.build.pip_log.is_file() else ""


def unavailable(output: str) -> str:
    """Return the line of an installer's output that reports an error of network or machine; else empty."""
    for line in output.splitlines():
        if _UNAVAILABLE.search(line):
            return clean_line(line.strip(), 300)
    return ""


def _interpreter(version: str) -> str:
    own = ".".join(map(str, sys.version_info[:3]))
    if not version or own == version or own.startswith(f"{version}."):
        return sys.executable
    found = find_program(f"python{version}")
    if found is None:
        raise EnvironmentFailed(f"Python {version} is not installed", f"Install python{version}, or uv.")
    return found
