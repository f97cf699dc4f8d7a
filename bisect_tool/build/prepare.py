"""Prepare the environment of a commit's tree: take it from the cache, or build it."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.build import command_provider, overlay_provider, project_provider, source_provider
from bisect_tool.build.apply_overlay import apply_overlay
from bisect_tool.build.build import Build
from bisect_tool.build.cache import Entry
from bisect_tool.build.environment import Environment
from bisect_tool.build.profile import BuildProfile, Provider
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.git.repository import ignore

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bisect_tool.wheels.lineage import Lineage

_BUILDERS: Mapping[Provider, Callable[[Build], None]] = {
    Provider.OVERLAY: overlay_provider.build,
    Provider.COMMAND: command_provider.build,
    Provider.SOURCE: source_provider.build,
    Provider.PROJECT: project_provider.build,
    Provider.NONE: lambda _: None,
}
_WAIT_MARGIN_S = 60.0


def prepare(  # noqa: PLR0913 - each is one thing a build depends on
    tree: Path,
    fingerprint: str,
    profile: BuildProfile,
    cache: Path,
    log: Path,
    *,
    cancel: threading.Event | None = None,
    on_wait: Callable[[str], None] = ignore,
    lineage: Lineage | None = None,
) -> Environment:
    """Get the environment called `fingerprint`, building it if necessary, and apply it to `tree`.

    Concurrent callers share one build; `on_wait` is called with a message about the run that it waits for.
    `log` (created with its folder) receives the output of every program. `lineage` has the commits whose
    wheels can be used.

    Raises:
        BuildFailed: this commit cannot be built.
        BuildInterrupted: `cancel` was set.
        EnvironmentFailed: the build could not be tried: package index down, disk full, Python missing.
    """
    began = time.monotonic()
    entry = Entry.of(cache, fingerprint)
    deadline = began + profile.timeout_s
    job = Build(
        tree.absolute(),
        entry.folder,
        profile,
        log.absolute(),
        entry.token,
        entry.records,
        deadline,
        cancel,
        lineage,
        on_wait,
    )
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        reused = _build_if_missing(job, entry, on_wait)
        apply_overlay(job)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write the environment: {error}", f"See {log}.") from error
    seconds = time.monotonic() - began
    return Environment(fingerprint, entry.folder, job.python, _variables(job), seconds, reused)


def _build_if_missing(job: Build, entry: Entry, on_wait: Callable[[str], None]) -> bool:
    """Build the environment if it is not in the cache; returns whether nothing was built."""
    with entry.lock(job.profile.timeout_s + _WAIT_MARGIN_S, job.cancel, on_wait):
        if entry.complete:
            job.note(f"environment {entry.folder.name} is in the cache")
            return True
        began = time.monotonic()
        entry.clear()
        _BUILDERS[job.profile.provider](job)
        job.remove_temporary_files()
        entry.stamp(
            {
                "provider": job.profile.provider,
                "built": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - began, 3),
                "recipe": job.profile.model_dump(mode="json"),
            }
        )
        return job.profile.provider is Provider.NONE


def _variables(job: Build) -> dict[str, str]:
    variables = {name: job.fill(value) for name, value in job.profile.env.items()}
    if job.profile.needs_venv:
        path = os.pathsep.join(filter(None, (str(job.python.parent), os.environ.get("PATH", os.defpath))))
        variables = {"VIRTUAL_ENV": str(job.folder / "venv"), "PATH": path, **variables}
    return variables
