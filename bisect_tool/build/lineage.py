"""Find the ancestors of a commit with the same native files, whose compiled files therefore fit it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.build.fingerprint import native_paths
from bisect_tool.wheels.lineage import Lineage

if TYPE_CHECKING:
    from bisect_tool.build.profile import BuildProfile
    from bisect_tool.git import Repository

_MAX_ANCESTORS = 30


def lineage(repository: Repository, sha: str, build: BuildProfile) -> Lineage | None:
    """Return a commit and its first parents up to and including the last one that changed a native file.

    Returns None if builds do not use per-commit wheels.
    """
    if build.commit_wheels is None:
        return None
    chain = repository.first_parents(sha, _MAX_ANCESTORS)[::-1]
    changed = repository.changed_by(chain[:-1])
    shas = [sha]
    for child, parent in pairwise(chain):
        if native_paths(changed[child], build):
            break
        shas.append(parent)
    return Lineage(tuple(shas), repository.committed(sha))
