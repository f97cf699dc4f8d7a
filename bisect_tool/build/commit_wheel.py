"""Find the published wheel from which a build from source takes the compiled files.

It is the commit's own wheel, or else that of the nearest ancestor with the same native files. Variant,
architecture and torch version must match. Without such a wheel, the tree is compiled.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bisect_tool.build.environment import BuildFailed, BuildInterrupted
from bisect_tool.file_lock import LeaseCancelledError
from bisect_tool.wheels.archive import BadWheel, check_wheel, pinned, torch_of
from bisect_tool.wheels.cache import WheelCache
from bisect_tool.wheels.client import Client, Missing
from bisect_tool.wheels.download import discard, download
from bisect_tool.wheels.tags import supported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.build.build import Build
    from bisect_tool.wheels.index import Wheel
    from bisect_tool.wheels.settings import CommitWheels

_RECORD = "wheel.json"


@dataclass(frozen=True)
class UsedWheel:
    """The wheel of a commit that an environment was built with."""

    commit: str
    url: str
    filename: str
    sha256: str
    variant: str
    torch: str


def used_wheel(cache: Path, fingerprint: str) -> UsedWheel | None:
    """The wheel that an environment was built with; None if it has none, or was removed."""
    record = cache / "environments" / fingerprint / _RECORD
    try:
        return UsedWheel(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # built from source, removed, or by another version
        return None


@contextmanager
def wheel_variables(job: Build) -> Iterator[dict[str, str]]:
    """Yield the variables that make the build use a wheel, which is kept in the cache meanwhile.

    They are empty if the tree has to be compiled; if that fails, the error says that no wheel was published.

    Raises:
        BuildFailed: the commit needs another version of torch than the rest of the range.
        EnvironmentFailed: the wheel server failed, so nothing is known about the commit.
    """
    settings = job.profile.commit_wheels
    if settings is None or job.lineage is None:
        yield {}
        return
    _require_torch(job, settings)
    with Client(settings) as client:
        for wheel in _published_wheels(client, job, settings):
            with _open_wheel(client, wheel, job, settings) as path:
                if path is not None:
                    values = {
                        name: value.replace("{wheel}", str(path)) for name, value in settings.env.items()
                    }
                    yield {name: job.fill(value) for name, value in values.items()}
                    return
    missing = job.lineage.missing(time.time())
    job.note(f"{missing}: building from source")
    try:
        yield {}
    except BuildFailed as error:
        raise BuildFailed(f"{error.message} ({missing})", error.log, error.program, error.code) from error


def _require_torch(job: Build, settings: CommitWheels) -> None:
    """Reject a commit that needs another torch version: the trial would test torch, not the commit."""
    if not (settings.torch and settings.torch_file):
        return
    path = job.tree / settings.torch_file
    inside = path.resolve().is_relative_to(job.tree.resolve())
    found = torch_pin(path.read_bytes()) if inside and path.is_file() else ""
    if found != settings.torch:
        needed = f"torch {found}" if found else "no pinned torch"
        raise BuildFailed(f"it needs {needed}, but this range is tested with torch {settings.torch}", job.log)


def torch_pin(content: bytes) -> str:
    """The torch version that a requirements file pins; empty if it pins none."""
    return pinned(content.decode("utf-8", "replace").splitlines(), "torch")


def _published_wheels(client: Client, job: Build, settings: CommitWheels) -> Iterator[Wheel]:
    assert job.lineage is not None
    for sha in job.lineage.shas:
        job.check()
        wheel = client.find(sha, settings.variants[0], supported(job.profile.python))
        if wheel is not None:
            yield wheel


@contextmanager
def _open_wheel(client: Client, wheel: Wheel, job: Build, settings: CommitWheels) -> Iterator[Path | None]:
    """Download a wheel if necessary and yield its file; None if it cannot be used."""
    cache = WheelCache(job.wheels, int(settings.cache_gib * (1 << 30)))
    wait_s = max(0.0, job.deadline - time.monotonic())

    def fetch(part: Path) -> str:
        job.note(f"downloading {wheel.url}")
        checksum = download(client, wheel.url, part, job.check)
        try:
            check_wheel(part, settings.package, wheel.version)
        except BadWheel:
            discard(part)
            raise
        return checksum

    try:
        with cache.get(wheel, wait_s, job.cancel, job.on_wait, fetch) as (path, checksum):
            torch = torch_of(path)
            if settings.torch and torch != settings.torch:
                job.note(f"{wheel.filename} cannot be used: it needs torch {torch or '(any)'}")
                yield None
                return
            _record_wheel(wheel, checksum, torch, job)
            yield path
    except BadWheel as error:
        job.note(f"{wheel.filename} cannot be used: {error}")
        yield None
    except Missing as missing:
        job.note(f"{wheel.filename} is listed, but missing: {missing}")
        yield None
    except LeaseCancelledError:
        raise BuildInterrupted(
            "interrupted while another run was downloading", "Resume the session."
        ) from None


def _record_wheel(wheel: Wheel, checksum: str, torch: str, job: Build) -> None:
    """Record in the log and in the environment which wheel was used."""
    assert job.lineage is not None
    own = wheel.sha == job.lineage.shas[0]
    commit = "the commit itself" if own else "the nearest ancestor with the same native files that has one"
    job.note(f"using {wheel.filename} of {wheel.sha[:9]}, {commit}; SHA-256 {checksum}")
    used = UsedWheel(wheel.sha, wheel.url, wheel.filename, checksum, wheel.variant, torch)
    (job.folder / _RECORD).write_text(json.dumps(asdict(used), indent=1), encoding="utf-8")
