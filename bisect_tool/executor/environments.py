"""Find the environment that each commit of a range needs, and which ones exist: their trials are cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.build import Provider, fingerprint, native_paths
from bisect_tool.build.cache import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bisect_tool.build import BuildProfile
    from bisect_tool.git import Range, Repository
    from bisect_tool.scenario import Profile


def own_builds(profile: Profile | None) -> BuildProfile | None:
    """Return the build of a profile that builds commits separately; None without one or with a shared one."""
    if profile is None or profile.build.base or profile.build.provider is Provider.NONE:
        return None
    return profile.build


def environments(repository: Repository, span: Range, profile: Profile | None) -> dict[str, str]:
    """Return the fingerprint of every commit and good end; empty if commits are not built separately.

    A commit that changes no native file inherits the fingerprint of its first parent, so one `git log` of the
    range gives most of them.
    """
    build = own_builds(profile)
    if build is None:
        return {}
    changed = repository.changed_by(commit.sha for commit in span.commits)
    names = {good: fingerprint(repository, good, build) for good in span.goods}
    for commit in span.commits:  # ancestors first
        inherited = names.get(commit.parents[0]) if commit.parents else None
        if inherited is None or native_paths(changed[commit.sha], build):
            inherited = fingerprint(repository, commit.sha, build)
        names[commit.sha] = inherited
    return names


def built(names: Mapping[str, str], cache: Path) -> frozenset[str]:
    """Return the fingerprints whose environment is in the cache."""
    return frozenset(name for name in set(names.values()) if Entry.of(cache, name).complete)
