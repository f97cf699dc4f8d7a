"""What a dry run works on instead of the home: copies, in a temporary folder that is removed at its end."""

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
def dry_home(real: Home, say: Callable[[str], None]) -> Iterator[tuple[Home, Store]]:
    """The home for a dry run, and what its store holds.

    Its state is the real one, which is only read. Its cache has what the real one has of repositories and of
    CI services; what is added to it is gone at the end.

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
        with closing(Store(copy, say)) as store:
            yield Home(real.state, cache), store


def _mirror(source: Path, copy: Path) -> None:
    """Make folders like those of `source`: links to what is never changed in place, copies of the rest."""
    for folder, _, files in os.walk(source):
        there = copy / Path(folder).relative_to(source)
        there.mkdir(parents=True)
        place = shutil.copyfile if _is_edited(there) else os.symlink
        for name in files:
            place(Path(folder, name), there / name)


def _is_edited(folder: Path) -> bool:
    """Whether files in it may be written to: those of a repository, but for its objects."""
    return "repositories" in folder.parts and ("objects" not in folder.parts or folder.name == "info")


def _copy_store(store: Path, copy: Path) -> None:
    # Without the file of recent changes nobody writes, and SQLite needs no other file beside.
    how = "mode=ro" if store.with_name(f"{store.name}-wal").exists() else "immutable=1"
    try:
        with (
            closing(sqlite3.connect(f"{store.absolute().as_uri()}?{how}", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise EnvironmentFailed(
            f"the store {store} cannot be read: {error}", "Is it yours to read, and not damaged?"
        ) from error
