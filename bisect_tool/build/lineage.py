"""The ancestors of a commit whose native files are the same, so that what was compiled of one serves both."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.build.fingerprint import native_paths
from bisect_tool.wheels.lineage import Lineage

if TYPE_CHECKING:
    from bisect_tool.build.profile import BuildProfile
    from bisect_tool.git import Repository

_MOST = 30


def lineage(repository: Repository, sha: str, build: BuildProfile) -> Lineage | None:
    """A commit and its first parents up to the commit that changed a native file, that one included.

    None where builds use no wheels that are published for each commit.
    """
    if build.commit_wheels is None:
        return None
    line = repository.first_parents(sha, _MOST)[::-1]
    changed = repository.changed_by(line[:-1])
    shas = [sha]
    for child, parent in pairwise(line):
        if native_paths(changed[child], build):
            break
        shas.append(parent)
    return Lineage(tuple(shas), repository.committed(sha))
