"""Relate commits: which exist here, which are ancestors, which are between two others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bisect_tool.git.plumbing import Git


def existing(git: Git, shas: Collection[str]) -> frozenset[str]:
    """Return the full names that are commits of this repository."""
    return _listed(git, "--no-walk", "--ignore-missing", names=shas)


def ancestors(git: Git, shas: Collection[str], of: Collection[str]) -> frozenset[str]:
    """Return the `shas` that are ancestors of one of `of`, or equal to one; all must exist."""
    return frozenset(shas) - _listed(git, names=[*shas, *(f"^{sha}" for sha in of)])


def between(git: Git, old: str, news: Collection[str]) -> frozenset[str]:
    """Return the descendants of `old` that are ancestors of one of `news`, or equal to one."""
    return _listed(git, "--ancestry-path", names=[f"^{old}", *news]) if news else frozenset()


def _listed(git: Git, *options: str, names: Iterable[str]) -> frozenset[str]:
    text = "".join(f"{name}\n" for name in names)
    return frozenset(git.text("rev-list", *options, "--stdin", stdin=text).split()) if text else frozenset()
