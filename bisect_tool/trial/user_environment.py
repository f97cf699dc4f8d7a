"""Adapt the user's environment for a trial: withhold secrets, and map paths into the tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.sanitise import secret_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_OF_A_HOOK = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REFLOG_ACTION",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""What ties git to one repository: `git rev-parse --local-env-vars` without settings, and what hooks add."""
_NOT_A_PATH_OF_THE_TREE = ("HOME", "BISECT_RUN_HOME")


def command_environment(
    environ: Mapping[str, str], tree: Path, own: Mapping[str, str], passed: Collection[str] = ()
) -> dict[str, str]:
    """The environment of a plain command in `tree`: the caller's, as `git bisect run` hands it on.

    Without secrets that are not `passed` by name, and without the variables by which a hook ties git to the
    repository it runs in. Paths that are `own` (see `own_paths`) become those of the tree.
    """
    hidden = {*withheld(environ, passed), *_OF_A_HOOK}
    kept = {name: value for name, value in environ.items() if name not in hidden}
    moved = {
        name: value if name in _NOT_A_PATH_OF_THE_TREE else _moved(value, tree, own)
        for name, value in kept.items()
    }
    return {**moved, "PWD": str(tree)}


def withheld(environ: Mapping[str, str], passed: Collection[str] = ()) -> tuple[str, ...]:
    """Return the variables that are not passed to trials because their names look like secrets."""
    secret = secret_values(environ)
    names = (name for name, value in environ.items() if value.strip() in secret and name not in passed)
    return tuple(sorted(names))


def paths_inside(environ: Mapping[str, str], checkout: Path) -> dict[str, str]:
    """Absolute paths in variables that lie in a checkout, each with its path from the top there (or `.`)."""
    entries = {
        entry
        for name, value in environ.items()
        if name not in _NOT_A_PATH_OF_THE_TREE
        for entry in value.split(os.pathsep)
        if entry.startswith("/") and not entry.startswith("//")
    }
    found = ((entry, _inside(entry, checkout)) for entry in entries)
    return {entry: path for entry, path in found if path is not None}


def own_paths(inside: Mapping[str, str], tracked: Iterable[str]) -> dict[str, str]:
    """Of the paths in a checkout those that its history has, and its top: they mean the commit's own.

    What it does not have (a virtual environment, build products) is in no commit's tree: it stays as it is.
    """
    known = {".", *tracked}
    return {entry: path for entry, path in inside.items() if path in known}


def _inside(entry: str, checkout: Path) -> str | None:
    """The path from the top of the checkout, None outside; of a link in it, the link's."""
    normal = Path(os.path.normpath(entry))
    for path in (normal, normal.parent.resolve() / normal.name):
        if path.is_relative_to(checkout):
            return path.relative_to(checkout).as_posix()
    return "." if normal.resolve() == checkout else None


def _moved(value: str, tree: Path, own: Mapping[str, str]) -> str:
    entries = value.split(os.pathsep)
    return os.pathsep.join(str(tree / own[entry]) if entry in own else entry for entry in entries)
