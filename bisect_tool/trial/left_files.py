"""List the files that tests left in a trial's temporary folder and in the worktree."""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean, clean_line, redact, secret_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TEMPORARY = "$TMPDIR/"
_NAMED = 8
_COUNT_LIMIT = 1000
_NAME_LIMIT = 160
_USUAL = ("__pycache__", ".pytest_cache")
_USUAL_ENDS = (".pyc", ".log")
_PYTESTS_OWN = "pytest-of-"
"""Contains the folders of `tmp_path`, each of which belongs to one test."""


def left_files(temporary: Path, tree: Path, added: Iterable[str]) -> tuple[str, ...]:
    """Return the files in the temporary folder, and below the paths that were added to the tree.

    Files and empty folders, without caches and logs: the first few as `$TMPDIR/lock` or, in the tree,
    `tests/lock`, less nested ones first; then the number of others. At most `_COUNT_LIMIT` are counted.
    """
    own = (path for path in _inside(str(temporary)) if not _name(path).startswith(_PYTESTS_OWN))
    found = list(islice(_leaves([*own, *sorted(added)]), _COUNT_LIMIT + 1))
    if not found:
        return ()
    names = sorted((_named(path, temporary, tree) for path in found), key=_order)
    secrets = secret_values(os.environ)
    first = [clean_line(redact(clean(name), secrets), _NAME_LIMIT) for name in names[:_NAMED]]
    more = min(len(found), _COUNT_LIMIT) - len(first)
    over = "over " if len(found) > _COUNT_LIMIT else ""
    return (*first, f"... and {over}{more} more") if more else tuple(first)


def _leaves(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files at and below these paths, and empty folders with a `/`."""
    waiting = deque(paths)
    while waiting:
        path = waiting.popleft()
        if _name(path) in _USUAL or path.endswith(_USUAL_ENDS):
            continue
        if os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114
            yield path
        elif inner := _inside(path):
            waiting += inner
        else:
            yield f"{path}/"


def _inside(folder: str) -> list[str]:
    """Return some paths in a folder; none if it is unreadable."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in islice(entries, _COUNT_LIMIT + 1)]
    except OSError:  # it was removed, or cannot be read
        return []


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _named(path: str, temporary: Path, tree: Path) -> str:
    inner = path.removeprefix(f"{temporary}/")
    return path.removeprefix(f"{tree}/") if inner == path else f"{_TEMPORARY}{inner}"


def _order(name: str) -> tuple[bool, int, str]:
    return not name.startswith(_TEMPORARY), name.rstrip("/").count("/"), name
