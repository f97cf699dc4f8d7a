"""Adapt the user's environment for a trial: withhold secrets, and map paths into the tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.sanitise import secret_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_GIT_VARIABLES = frozenset(
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
"""Variables that bind git to one repository: `git rev-parse --local-env-vars`, and those of hooks."""
BYTECODE = "PYTHONPYCACHEPREFIX"
"""A folder of compiled files that outlives a trial. Python takes the file of another commit if both sources
have the same path and size, and were checked out in the same second."""
_NOT_A_PATH_OF_THE_TREE = ("HOME", "BISECT_RUN_HOME")


def command_environment(
    environ: Mapping[str, str], tree: Path, own: Mapping[str, str], passed: Collection[str] = ()
) -> dict[str, str]:
    """Return the environment of a command in `tree`: the caller's, as with `git bisect run`.

    It lacks secrets that are not `passed` by name, the variables that bind git to the repository of a hook,
    and `BYTECODE`. Paths that are `own` (see `own_paths`) are replaced by those of the tree.
    """
    hidden = {*withheld(environ, passed), *_GIT_VARIABLES, BYTECODE}
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
    """Map absolute paths in variables that are inside a checkout to relative ones (`.` for the root)."""
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
    """Select the paths in a checkout that git tracks, and its root: in a trial they are the commit's.

    Untracked paths (a virtual environment, build products) are in no commit's tree, and stay unchanged.
    """
    known = {".", *tracked}
    return {entry: path for entry, path in inside.items() if path in known}


def _inside(entry: str, checkout: Path) -> str | None:
    """Return the path relative to the checkout, None outside; links in it are not resolved."""
    normal = Path(os.path.normpath(entry))
    for path in (normal, normal.parent.resolve() / normal.name):
        if path.is_relative_to(checkout):
            return path.relative_to(checkout).as_posix()
    return "." if normal.resolve() == checkout else None


def _moved(value: str, tree: Path, own: Mapping[str, str]) -> str:
    entries = value.split(os.pathsep)
    return os.pathsep.join(str(tree / own[entry]) if entry in own else entry for entry in entries)
