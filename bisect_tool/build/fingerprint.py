"""Compute an environment's fingerprint, its name: commits with the same fingerprint share the environment."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.build.profile import BuildProfile

_FORMAT = 1
_EXCLUDED: Any = {"tree": True, "timeout_s": True, "commit_wheels": {"url", "cache_gib"}}


class TreeReader(Protocol):
    """What a fingerprint needs of a repository."""

    def tree_hashes(self, sha: str, paths: Iterable[str]) -> Mapping[str, str]:
        """Git object names by path; a path that does not exist at `sha` is left out."""
        ...

    def files(self, sha: str) -> Mapping[str, str]:
        """The git object names of all files at `sha`, by path."""
        ...


def fingerprint(repository: TreeReader, sha: str, profile: BuildProfile) -> str:
    """Return the fingerprint of a commit's environment on this machine, without a checkout."""
    hashes = {} if profile.base else _native_hashes(repository, sha, profile)
    return name_environment(hashes, profile, f"{sys.implementation.cache_tag} {platform.machine()}")


def name_environment(hashes: Mapping[str, str], profile: BuildProfile, machine: str) -> str:
    """Return 20 hex digits that depend only on the native files, the profile and the machine.

    Args:
        hashes: git object name by native path. A pinned base has none: its native files do not count.
        profile: how the environment is built. Limits, fields about the tree only, and the URL and cache of
            commit wheels do not count.
        machine: the properties that compiled files depend on.
    """
    recipe = profile.model_dump(mode="json", exclude=_EXCLUDED, exclude_none=True)
    content = {"format": _FORMAT, "machine": machine, "native": dict(hashes), "recipe": recipe}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def native_paths(changed: Iterable[str], profile: BuildProfile) -> tuple[str, ...]:
    """Return the changed paths that are native for the profile, in their order."""
    roots = tuple(f"{path.rstrip('/')}/" for path in profile.native)
    wildcard = _wildcard_pattern(profile)
    return tuple(path for path in changed if f"{path}/".startswith(roots) or wildcard.fullmatch(path))


def _native_hashes(repository: TreeReader, sha: str, profile: BuildProfile) -> dict[str, str]:
    """The git object names of the native files and folders at a commit, by path."""
    found = dict(repository.tree_hashes(sha, [path for path in profile.native if "*" not in path]))
    if any("*" in path for path in profile.native):
        wildcard = _wildcard_pattern(profile)
        found |= {path: name for path, name in repository.files(sha).items() if wildcard.fullmatch(path)}
    return found


def _wildcard_pattern(profile: BuildProfile) -> re.Pattern[str]:
    """Return the regular expression of the patterns in `native`: file names with `*`, in any folder."""
    names = (re.escape(path).replace(r"\*", "[^/]*") for path in profile.native if "*" in path)
    return re.compile(rf"(?:.*/)?(?:{'|'.join(names) or '(?!)'})", re.DOTALL)
