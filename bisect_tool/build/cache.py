"""The cache of built environments: one folder for each fingerprint.

Environments are built in their final location, because a virtual environment cannot be moved. A folder counts
as an environment once it has its stamp file, which is written last and atomically. The next build removes
what a killed build left.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bisect_tool.build.environment import BuildInterrupted
from bisect_tool.file_lock import LeaseCancelledError, lease, shared, try_lock
from bisect_tool.paths import modified
from bisect_tool.supervise.orphan_tree import end_abandoned, spec_written

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STAMP = "built.json"
_REMOVAL_WAIT_S = 60.0


@dataclass(frozen=True)
class Entry:
    """The folder of one environment in the cache."""

    folder: Path

    @classmethod
    def of(cls, cache: Path, fingerprint: str) -> Self:
        """Return the folder of the environment called `fingerprint`."""
        return cls(cache.absolute() / "environments" / fingerprint)

    @property
    def token(self) -> str:
        """The token by which the processes that build into this folder are recognised."""
        return f"bisect-run-build-{self.folder}"

    @property
    def records(self) -> Path:
        """Where the guardians of an unfinished build record its processes."""
        return self.folder / "guardian"

    @property
    def complete(self) -> bool:
        """Whether the environment is built, and the interpreter it was built with still exists."""
        return (self.folder / _STAMP).is_file() and not self._interpreter_missing()

    @contextmanager
    def lock(
        self, wait_s: float, cancel: threading.Event | None, on_wait: Callable[[str], None]
    ) -> Iterator[None]:
        """Lock the folder for building; `on_wait` is called with a message if another run holds the lock.

        Raises:
            EnvironmentFailed: another run still holds it after `wait_s` seconds.
            BuildInterrupted: `cancel` was set meanwhile.
        """
        busy = f"another run is building environment {self.folder.name}"
        try:
            with lease(self._build_lock, wait_s, busy, on_wait, cancel):
                yield
        except LeaseCancelledError:
            raise BuildInterrupted(
                "interrupted while another run was building", "Resume the session."
            ) from None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the environment from being removed while a trial builds or uses it.

        Raises:
            EnvironmentFailed: it is being removed, and the removal does not end in time.
        """
        with shared(self._use_lock, _REMOVAL_WAIT_S, f"environment {self.folder.name} is being removed"):
            yield

    @contextmanager
    def unused(self) -> Iterator[bool]:
        """Keep others from building or using the environment; yields False if another process does."""
        with try_lock(self._use_lock) as use, try_lock(self._build_lock) as build:
            yield use is not None and build is not None

    @property
    def files(self) -> tuple[Path, ...]:
        """What is removed with the environment: its folder, and the log if it was built ahead of a trial."""
        return self.folder, self.folder.with_suffix(".log")

    @property
    def last_used(self) -> float:
        """When a trial last started to use it, in seconds since the epoch; 0 if it does not exist."""
        lock = self._build_lock  # each trial writes to it; an empty one was only tested for its lock
        used = modified(lock) if lock.exists() and lock.read_bytes() else 0.0
        return used or modified(self.folder / _STAMP) or modified(self.folder)

    def end_builds(self) -> None:
        """End the processes of a build that was killed."""
        if self.records.exists():
            end_abandoned(self.records, self.token, spec_written(self.records))

    def clear(self) -> None:
        """Recreate the folder, empty, after ending the processes of a killed build."""
        if self.folder.exists():
            self.end_builds()
            shutil.rmtree(self.folder)
        self.records.mkdir(parents=True)

    def stamp(self, content: dict[str, object]) -> None:
        """Mark the environment as complete."""
        draft = self.folder / f"{_STAMP}.draft"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / _STAMP)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def _build_lock(self) -> Path:
        return self.folder.with_suffix(".lock")

    @property
    def _use_lock(self) -> Path:
        return self.folder.with_suffix(".use")

    def _interpreter_missing(self) -> bool:
        python = self.folder / "venv" / "bin" / "python"
        return python.is_symlink() and not python.exists()
