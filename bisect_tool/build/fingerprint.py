"""The name of an environment: commits with the same one share it."""

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
_NOT_IN_IT: Any = {"tree": True, "timeout_s": True, "commit_wheels": {"url", "cache_gib"}}


class Trees(Protocol):
    """The part of a repository that is needed."""

    def tree_hashes(self, sha: str, paths: Iterable[str]) -> Mapping[str, str]:
        """Git object names by path; a path that does not exist at `sha` is left out."""
        ...

    def files(self, sha: str) -> Mapping[str, str]:
        """The git object names of all files at `sha`, by path."""
        ...


def fingerprint(repository: Trees, sha: str, profile: BuildProfile) -> str:
    """Return the fingerprint of a commit on this machine; no checkout is needed."""
    hashes = {} if profile.base else _native(repository, sha, profile)
    return name_environment(hashes, profile, f"{sys.implementation.cache_tag} {platform.machine()}")


def name_environment(hashes: Mapping[str, str], profile: BuildProfile, machine: str) -> str:
    """Twenty hex digits that depend on the native objects, the recipe and the machine, and on nothing else.

    Args:
        hashes: git object name by native path. A pinned base has none: its native files do not count.
        profile: the recipe. Limits what concerns only the tree, and the place of wheels do not count.
        machine: the properties that compiled files depend on.
    """
    recipe = profile.model_dump(mode="json", exclude=_NOT_IN_IT, exclude_none=True)
    content = {"format": _FORMAT, "machine": machine, "native": dict(hashes), "recipe": recipe}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def native_paths(changed: Iterable[str], profile: BuildProfile) -> tuple[str, ...]:
    """Return the changed paths that are native for the profile, in their order."""
    roots = tuple(f"{path.rstrip('/')}/" for path in profile.native)
    wild = _pattern(profile)
    return tuple(path for path in changed if f"{path}/".startswith(roots) or wild.fullmatch(path))


def _native(repository: Trees, sha: str, profile: BuildProfile) -> dict[str, str]:
    """The native objects at a commit, by path."""
    found = dict(repository.tree_hashes(sha, [path for path in profile.native if "*" not in path]))
    if any("*" in path for path in profile.native):
        wild = _pattern(profile)
        found |= {path: name for path, name in repository.files(sha).items() if wild.fullmatch(path)}
    return found


def _pattern(profile: BuildProfile) -> re.Pattern[str]:
    """Return the paths that match a pattern of `native`: files of that name in any folder."""
    wild = (re.escape(path).replace(r"\*", "[^/]*") for path in profile.native if "*" in path)
    return re.compile(rf"(?:.*/)?(?:{'|'.join(wild) or '(?!)'})", re.DOTALL)
