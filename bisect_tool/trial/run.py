"""One trial: prepare an environment, run the check under the guardian, collect, tear down."""

from __future__ import annotations

import errno
import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build import BuildFailed, Environment, prepare
from bisect_tool.build.cache import Entry
from bisect_tool.build.tiny_model import ensure_model
from bisect_tool.errors import BisectError, EnvironmentFailed, ExitCode, is_resource_error
from bisect_tool.paths import discard
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise import gpus
from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianResult, GuardianSpec, Reason
from bisect_tool.supervise.held_ports import hold_all
from bisect_tool.supervise.orphan_tree import records_removed
from bisect_tool.trial.cell_outcomes import (
    SUITE_LOG,
)
from bisect_tool.trial.command_cell import output_failure
from bisect_tool.trial.config import TrialConfig, TrialPaths, TrialSpec
from bisect_tool.trial.findings import REASON_LIMIT, Findings, no_result
from bisect_tool.trial.gpu_watch import GpuWatch, usage
from bisect_tool.trial.kept_logs import keep_logs
from bisect_tool.trial.kinds import make_process, trials_of
from bisect_tool.trial.leftovers import LeftoverProbe
from bisect_tool.trial.result import TrialResult, unstorable
from bisect_tool.trial.trials import TrialRun
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    import threading

    from bisect_tool.trial.process import Process


Phase = Callable[[str, Path], None]
_log = logging.getLogger("bisect_run.trial")
TEMPORARY = "temporary"
"""The link in a trial's folder to its temporary folder; it is removed at the end of the trial."""
_PREFIX = "bisect-run-"
_DISK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class TrialAborted(BisectError):
    """The trial was cancelled: nothing is known about the commit.

    `remains` describes work left elsewhere, such as `1 job left running`.
    """

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, message: str, hint: str = "", remains: str = "") -> None:
        super().__init__(message, hint)
        self.remains = remains


def run_trial(config: TrialConfig, spec: TrialSpec, phase: Phase, cancel: threading.Event) -> TrialResult:
    """Run one trial to its end; failures of the commit are part of the result.

    Raises:
        TrialAborted: `cancel` was set. Nothing is known about the commit.
        CheckAborted: the command asked to stop.
        UsageError: no cell matches the patterns.
        EnvironmentFailed: the build could not be started (network, disk).
    """
    started, clock = datetime.now(UTC), time.monotonic()
    (spec.folder / "logs").mkdir(parents=True, exist_ok=True)
    found = _attempt(config, spec, phase, cancel)
    result = _result(config, spec, found, started, time.monotonic() - clock)
    if why := unstorable(result):
        found = replace(no_result(spec.cells, Outcome.ERRORED, why), environment=found.environment)
        result = _result(config, spec, found, started, result.seconds)
    return result


def _result(
    config: TrialConfig, spec: TrialSpec, found: Findings, started: datetime, seconds: float
) -> TrialResult:
    return TrialResult(
        sha=spec.sha,
        cells=found.cells,
        outcome=found.outcome,
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        build_seconds=found.environment.seconds if found.environment else 0.0,
        environment=found.environment.fingerprint if found.environment else "",
        environment_reused=found.environment.reused if found.environment else True,
        slot=spec.slot,
        gpus=config.gpus,
        leftovers=found.leftovers,
        gpu_memory=found.gpu_memory,
        folder=str(spec.folder),
        reason=found.reason,
        whole=spec.cells is None,
        timeline=found.timeline,
        load=found.load,
        unusable=found.unusable,
        printed=found.printed,
        failure=found.failure,
        where=where(config, spec.slot),
    )


def where(config: TrialConfig, slot: int) -> str:
    """Describe the GPUs of a slot; empty without any."""
    names = config.gpus_of(slot)
    by_index = names and names[0].isdigit()
    return f"{'GPU ' if by_index else ''}{', '.join(names)}"


def untestable(sha: str, folder: Path, slot: int, reason: str) -> TrialResult:
    """Return the result for a commit that could not be checked out."""
    return _without_cells(Outcome.UNBUILDABLE, sha, folder, slot, reason)


def lost(sha: str, folder: Path, slot: int, reason: str) -> TrialResult:
    """Return the result of a lost trial (its machine or GPU failed): nothing is known about the commit."""
    return _without_cells(Outcome.INFRASTRUCTURE, sha, folder, slot, reason)


def _without_cells(outcome: Outcome, sha: str, folder: Path, slot: int, reason: str) -> TrialResult:
    return TrialResult(
        sha=sha,
        cells=(),
        outcome=outcome,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=0.0,
        slot=slot,
        folder=str(folder),
        reason=reason,
        whole=True,
    )


def _attempt(config: TrialConfig, spec: TrialSpec, phase: Phase, cancel: threading.Event) -> Findings:
    if config.profile is not None:
        phase("build", spec.folder)
    with _in_use(config, spec):
        try:
            environment = _environment(config, spec, cancel)
        except BuildFailed as error:
            return _unbuildable(spec, error)
        return _tried(config, spec, environment, phase, cancel)


def _in_use(config: TrialConfig, spec: TrialSpec) -> AbstractContextManager[None]:
    """Keep the trial's environment from being removed."""
    if config.profile is None:
        return nullcontext()
    return Entry.of(config.home.cache, spec.fingerprint).in_use()


def _tried(
    config: TrialConfig,
    spec: TrialSpec,
    environment: Environment | None,
    phase: Phase,
    cancel: threading.Event,
) -> Findings:
    """Run the check in its environment."""
    trials = trials_of(config)
    if (missing := trials.missing(spec)) is not None:
        return replace(missing, environment=environment)
    try:
        ports = hold_all(_fixed_ports(config))
    except EnvironmentFailed as error:
        return replace(no_result(spec.cells, Outcome.INFRASTRUCTURE, error.message), environment=environment)
    phase("test", spec.folder)
    with ports, _temporary(spec.folder) as temporary:
        place = TrialPaths(spec.folder, spec.tree, temporary, environment, spec.slot)
        process = make_process(config, place, spec.cells)
        before = LeftoverProbe.snapshot(config, place, spec.added)
        with GpuWatch(before.memory) as watch:
            guarded = run_guarded(_spec(process, place), cancel)
        leftovers = before.diff(guarded, watch.samples, cancel)
        memory = usage(before.memory, watch.samples, gpus.in_use(tuple(before.memory)))
    if guarded.reason is Reason.CANCELLED:
        raise TrialAborted("the trial was interrupted")
    found = _read(config, spec, place, guarded)
    keep_logs(place.logs, found.cells)
    return replace(found, environment=environment, leftovers=leftovers, load=guarded.load, gpu_memory=memory)


def _unbuildable(spec: TrialSpec, error: BuildFailed) -> Findings:
    """Return why a commit does not build, from the output of the failed program."""
    if error.code is None:
        return no_result(spec.cells, Outcome.UNBUILDABLE, f"does not build: {error.message}")
    failure = output_failure(error.log, error.code, time.time())
    ended = f"{error.program} ended with {failure.root.headline}"
    found = no_result(spec.cells, Outcome.UNBUILDABLE, clean_line(f"does not build: {ended}", REASON_LIMIT))
    return replace(found, failure=failure)


def _environment(config: TrialConfig, spec: TrialSpec, cancel: threading.Event) -> Environment | None:
    if config.profile is None:
        return None
    if config.profile.tiny_model:
        ensure_model(config.home.assets)
    log = spec.folder / "build.log"
    build, cache = config.profile.build, config.home.cache
    return prepare(
        spec.tree,
        spec.fingerprint,
        build,
        cache,
        log,
        cancel=cancel,
        on_wait=spec.on_wait,
        lineage=spec.lineage,
    )


def _read(config: TrialConfig, spec: TrialSpec, place: TrialPaths, guarded: GuardianResult) -> Findings:
    """Read the outcomes of the trial's report; ERRORED if it is unreadable, since tests can overwrite it."""
    if guarded.reason is Reason.LOST and records_removed(place.folder):
        why = "the directory of the trial was removed or replaced while it ran"
        return no_result(spec.cells, Outcome.ERRORED, why)
    try:
        return trials_of(config).read(TrialRun(config, place, spec.cells), guarded)
    except BisectError:
        raise
    except Exception as error:
        if is_resource_error(error) or (isinstance(error, OSError) and error.errno in _DISK_FAILED):
            raise
        _log.warning("cannot read the output of the trial", exc_info=True)
        why = clean_line(f"{type(error).__name__}: {error}", REASON_LIMIT)
        return no_result(spec.cells, Outcome.ERRORED, f"cannot read the output of the trial: {why}")


def _spec(process: Process, place: TrialPaths) -> GuardianSpec:
    return GuardianSpec(
        argv=process.argv,
        cwd=process.cwd,
        env=process.env,
        stdout=place.logs / f"{SUITE_LOG}.log",
        watch=place.logs,
        deadline_s=process.deadline_s,
        idle_s=process.idle_s,
        grace_s=process.grace_s,
        complete=place.complete,
        folder=place.folder,
    )


def _fixed_ports(config: TrialConfig) -> tuple[int, ...]:
    return config.profile.launch.fixed_ports if config.profile else ()


@contextmanager
def _temporary(trial: Path) -> Iterator[Path]:
    """Create a temporary folder with a short path: those of Unix sockets are limited to 108 bytes (unix(7)).

    The trial's folder gets a link to it, to clean up after a killed run.
    """
    folder = Path(tempfile.mkdtemp(prefix=_prefix(trial)))
    try:
        (trial / TEMPORARY).symlink_to(folder)
        yield folder
    finally:
        _discard(folder)
        with suppress(OSError):  # the trial may have removed it, or replaced it by a folder
            if (trial / TEMPORARY).readlink() == folder:
                (trial / TEMPORARY).unlink()


def _prefix(trial: Path) -> str:
    """Return the prefix of the name of a trial's temporary folder, unique to the trial."""
    return f"{_PREFIX}{hashlib.sha256(bytes(trial)).hexdigest()[:8]}-"


def clear(trial: Path) -> None:
    """Remove the folder and the temporary folder of a killed trial.

    The trial may have changed the link to the latter: its target is removed only if the name is the trial's
    own. Of a link in place of either, only the link is removed.
    """
    with suppress(OSError):  # it has no link any more, or had none yet
        folder = (trial / TEMPORARY).readlink()
        if folder.name.startswith(_prefix(trial)):
            _discard(folder)
    _discard(trial)


def _discard(folder: Path) -> None:
    discard(folder)
    if folder.exists():
        _log.warning("%s cannot be removed completely", folder)
