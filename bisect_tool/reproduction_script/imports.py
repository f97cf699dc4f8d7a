"""Find the third-party packages that an engine's sources import at a commit, from their import statements."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bisect_tool.git.plumbing import GitFailed

if TYPE_CHECKING:
    from bisect_tool.git.plumbing import Git
    from bisect_tool.scenario import Profile

# Unindented only: nested imports may never run.
_IMPORT = r"^(import|from) +[A-Za-z_]"
_FOUND = re.compile(r"[^:]+:[^:]+\.py:(?:import|from) +(\w+)")


def imported(git: Git, sha: str, profile: Profile) -> tuple[str, ...]:
    """The packages, sorted, that the profile's sources import at `sha` and that this Python has.

    Packages that are missing here were not needed by the runs.
    """
    folders = profile.build.tree or PurePosixPath(profile.marker).parts[:1]
    try:
        lines = git.lines("grep", "-I", "-E", "-e", _IMPORT, sha, "--", *folders)
    except GitFailed:  # it found nothing
        return ()
    names = {found[1] for line in lines if (found := _FOUND.match(line))}
    theirs = names - sys.stdlib_module_names - {PurePosixPath(folder).name for folder in folders}
    return tuple(sorted(name for name in theirs if find_spec(name) is not None))
