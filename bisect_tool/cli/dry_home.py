"""Copy the data directory for a dry run into a temporary folder, which is removed at the end."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import Home
from bisect_tool.session.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def dry_home(real: Home, notify: Callable[[str], None]) -> Iterator[tuple[Home, Store]]:
    """Yield the home for a dry run, and a copy of the store.

    The home's state is the real one, which is only read. Its cache is temporary; it starts with the cached
    repositories and CI results of the real one.

    Raises:
        EnvironmentFailed: the store cannot be read.
    """
    with TemporaryDirectory(prefix="bisect-run-dry-run-") as folder:
        cache = Path(folder) / "cache"
        for part in ("ci", "repositories"):
            _mirror(real.cache / part, cache / part)
        copy = Path(folder) / real.store.name
        if real.store.exists():
            _copy_store(real.store, copy)
        with closing(Store(copy, notify)) as store:
            yield Home(real.state, cache), store


def _mirror(source: Path, copy: Path) -> None:
    """Copy a folder, with links in place of files that are never modified in place."""
    for folder, _, files in os.walk(source):
        target = copy / Path(folder).relative_to(source)
        target.mkdir(parents=True)
        copy_file = shutil.copyfile if _is_modified_in_place(target) else os.symlink
        for name in files:
            copy_file(Path(folder, name), target / name)


def _is_modified_in_place(folder: Path) -> bool:
    """Whether files in the folder may be modified in place: those of a repository, except for its objects."""
    return "repositories" in folder.parts and ("objects" not in folder.parts or folder.name == "info")


def _copy_store(store: Path, copy: Path) -> None:
    # Without a write-ahead log the store has no writer, and SQLite need not create other files.
    parameters = "mode=ro" if store.with_name(f"{store.name}-wal").exists() else "immutable=1"
    try:
        with (
            closing(sqlite3.connect(f"{store.absolute().as_uri()}?{parameters}", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise EnvironmentFailed(
            f"the store {store} cannot be read: {error}", "Check its permissions, and that it is not damaged."
        ) from error
