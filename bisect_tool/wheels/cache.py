"""Cache downloaded wheels in a folder for each commit, up to a size limit.

A wheel is locked while it is downloaded and while a build uses it (`.use`, shared); locked wheels are never
removed. The checksum of every download is recorded beside the cache, and kept when the wheel is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.file_lock import lease, shared, try_lock
from bisect_tool.paths import modified
from bisect_tool.wheels.download import discard, sha256

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bisect_tool.wheels.index import Wheel

_REMOVAL_S = 60.0


class OtherContent(EnvironmentFailed):
    """A second download of a wheel differs from the first one."""


@dataclass(frozen=True)
class WheelFolder:
    """The folder of one commit's wheel."""

    folder: Path

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Lock it, so that it is not removed."""
        with shared(self._lock("use"), _REMOVAL_S, f"the wheel of {self.folder.name[:9]} is being removed"):
            yield

    @contextmanager
    def unused(self) -> Iterator[bool]:
        """Lock it exclusively; yields False if another process uses it."""
        with try_lock(self._lock("use")) as lock:
            yield lock is not None

    @contextmanager
    def lock(
        self, wait_s: float, cancel: threading.Event | None, on_wait: Callable[[str], None]
    ) -> Iterator[None]:
        """Lock it for a download; raises the errors of `lease`."""
        busy = f"another run is downloading the wheel of {self.folder.name[:9]}"
        with lease(self._lock("lock"), wait_s, busy, on_wait, cancel):
            yield

    @property
    def last_used(self) -> float:
        """When a build last used it, in seconds since the epoch."""
        return modified(self.folder)

    @property
    def size(self) -> int:
        """The bytes of its files; of those that another run is removing or renaming, none."""
        return sum(map(_size, self.folder.glob("*")))

    def _lock(self, kind: str) -> Path:
        return self.folder.with_suffix(f".{kind}")


@dataclass(frozen=True)
class WheelCache:
    """All wheels below a folder, limited to `limit` bytes."""

    root: Path
    limit: int

    @contextmanager
    def get(
        self,
        wheel: Wheel,
        wait_s: float,
        cancel: threading.Event | None,
        on_wait: Callable[[str], None],
        download: Callable[[Path], str],
    ) -> Iterator[tuple[Path, str]]:
        """Yield the file of a wheel and its checksum, locked until the end of the block.

        Args:
            wheel: the wheel.
            wait_s: how long to wait for the download of another run.
            cancel: ends the wait.
            on_wait: called with a sentence about that run.
            download: writes the file to a path, and returns its SHA-256.

        Raises:
            OtherContent: it differs from an earlier download.
        """
        entry = WheelFolder(self.root / wheel.sha)
        with entry.in_use():
            with entry.lock(wait_s, cancel, on_wait):
                entry.folder.mkdir(exist_ok=True)
                path = entry.folder / wheel.filename
                checksum = self._intact(wheel, path) or self._downloaded(wheel, path, download)
                os.utime(entry.folder)
            self.evict()
            yield path, checksum

    def evict(self) -> None:
        """Remove the least recently used wheels beyond the limit, except those in use."""
        entries = sorted(folders(self.root), key=lambda entry: entry.last_used)
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= self.limit:
                return
            with entry.unused() as free:
                if free:
                    total -= entry.size
                    shutil.rmtree(entry.folder, ignore_errors=True)

    def _intact(self, wheel: Wheel, path: Path) -> str:
        """Return the checksum of an existing, unchanged file; else empty."""
        recorded = self._recorded(wheel)
        return recorded if recorded and path.is_file() and sha256(path) == recorded else ""

    def _downloaded(self, wheel: Wheel, path: Path, download: Callable[[Path], str]) -> str:
        part = path.with_name(f"{path.name}.part")
        checksum, recorded = download(part), self._recorded(wheel)
        if recorded and recorded != checksum:
            discard(part)
            raise OtherContent(
                f"the wheel {wheel.filename} differs from its first download:"
                f" SHA-256 {checksum}, was {recorded}",
                f"If it was published again, remove {self._record(wheel)}.",
            )
        self._write(wheel, checksum)
        part.replace(path)
        return checksum

    def _recorded(self, wheel: Wheel) -> str:
        try:
            content = json.loads(self._record(wheel).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it was not downloaded yet
            return ""
        return str(content.get("sha256", "")) if isinstance(content, dict) else ""

    def _write(self, wheel: Wheel, checksum: str) -> None:
        record = self._record(wheel)
        record.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        draft = record.with_name(f"{record.name}.new")
        draft.write_text(
            json.dumps({"url": wheel.url, "sha256": checksum, "downloaded": now}), encoding="utf-8"
        )
        draft.replace(record)

    def _record(self, wheel: Wheel) -> Path:
        """Return the path of a record: by commit and name, as mirrors must have the same files."""
        return self.root.with_name(f"{self.root.name}-checksums") / wheel.sha / f"{wheel.filename}.json"


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def folders(root: Path) -> list[WheelFolder]:
    """Return the folders of wheels, including unfinished downloads."""
    found = sorted(root.glob("*")) if root.is_dir() else []
    return [WheelFolder(path) for path in found if path.is_dir() and not path.name.startswith(".")]
