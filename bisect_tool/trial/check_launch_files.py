"""Check the files that a scenario's launches name: in its own folder, and programs by path."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.scenario import Profile, Scenario

_FOLDER = "{scenario}"
_OWN = re.compile(r"\{scenario\}/(?P<path>[^{}:;,=\s\"']+)")


def check_launch_files(scenario: Scenario) -> None:
    """Raise UsageError if a profile launches or builds with a file that does not exist."""
    for name, profile in scenario.profiles.items():
        field = f"{scenario.folder / 'scenario.toml'}: profiles.{name}"
        for template in _templates(profile):
            for found in _OWN.finditer(template):
                path = scenario.folder / found["path"]
                if not path.exists():
                    raise UsageError(
                        f"{field}: {path} does not exist", "Use a file in the scenario directory."
                    )
        _check_program(profile.launch.command[0], scenario.folder, f"{field}.launch.command")


def _templates(profile: Profile) -> Iterator[str]:
    launch, build = profile.launch, profile.build
    yield from (*launch.command, *launch.args, launch.model, *launch.env.values())
    yield from (word for command in build.command for word in command)


def _check_program(program: str, folder: Path, field: str) -> None:
    """Check a program given by path; one given by name may be installed by the build."""
    path = program.replace(_FOLDER, str(folder))
    if "/" not in path or "{" in path:
        return
    if not path.startswith("/"):
        raise UsageError(
            f"{field}: {program} is resolved in the directory of each trial",
            f"Use {_FOLDER}/{program.removeprefix('./')} for a file in the scenario directory.",
        )
    if not Path(path).is_file():
        raise UsageError(f"{field}: {path} does not exist", "Use an existing program.")
    if not os.access(path, os.X_OK):
        raise UsageError(
            f"{field}: {path} is not executable", "chmod +x it, or put its interpreter before it."
        )
