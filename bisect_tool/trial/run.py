"""One trial: prepare an environment, run the check under the guardian, collect, tear down."""

from __future__ import annotations

import errno
import hashlib
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build import BuildFailed, Environment, prepare
from bisect_tool.build.tiny_model import ensure_model
from bisect_tool.errors import BisectError, EnvironmentFailed, ExitCode, UsageError
from bisect_tool.git.repository import ignore
from bisect_tool.request import CommandCheck, ProjectCheck
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise import GuardianResult, GuardianSpec, Reason, run_guarded
from bisect_tool.supervise.held_ports import hold_all
from bisect_tool.supervise.logs import last_lines
from bisect_tool.supervise.run_guarded import records_removed
from bisect_tool.trial.collect import (
    NONE_SELECTED,
    NONE_THERE,
    SUITE_LOG,
    SuiteExit,
    collect,
    collect_project,
    printed,
    timeline,
    unreadable,
)
from bisect_tool.trial.command import command_cell, not_started, output_failure
from bisect_tool.trial.config import TrialConfig, TrialPaths
from bisect_tool.trial.job import Job, make_job
from bisect_tool.trial.kept_logs import keep_logs
from bisect_tool.trial.leftovers import LeftoverProbe
from bisect_tool.trial.project import present
from bisect_tool.trial.result import CellResult, Leftover, TrialResult, overall, unstorable
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    import threading

    from bisect_tool.evidence import Failure, ProcessTimeline, Signature
    from bisect_tool.supervise.load import Load

Phase = Callable[[str, Path], None]
_PREFIX, _LINK = "bisect-run-", "temporary"
_NO_TESTS_COLLECTED = 5  # pytest.ExitCode
_DISK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_REASON_LIMIT = 300
_LAST_LINES = 100


class TrialAborted(BisectError):
    """The trial was cancelled: nothing is known about the commit."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True)
class TrialSpec:
    """One trial to run: a commit, its tree and fingerprint, the cells (None: all), a folder for its logs.

    `added` tells the paths of what came into the tree since it was checked out, and `waiting` is told what
    another run holds.
    """

    sha: str
    tree: Path
    fingerprint: str
    cells: tuple[str, ...] | None
    folder: Path
    slot: int
    added: Callable[[], set[str]]
    waiting: Callable[[str], None] = ignore


@dataclass(frozen=True)
class _Told:
    """What a trial came to know: the cells, or why there are none."""

    outcome: Outcome
    cells: tuple[CellResult, ...] = ()
    reason: str = ""
    environment: Environment | None = None
    leftovers: tuple[Leftover, ...] = ()
    timeline: tuple[ProcessTimeline, ...] = ()
    load: Load | None = None
    unusable: bool = False
    printed: tuple[Signature, ...] = ()
    failure: Failure | None = None


def run_trial(config: TrialConfig, spec: TrialSpec, phase: Phase, cancel: threading.Event) -> TrialResult:
    """Run one trial to its end; whatever happened to the commit is in the result.

    Raises:
        TrialAborted: `cancel` was set. Nothing is known about the commit.
        CheckAborted: the command asked to stop.
        UsageError: no cell matches the patterns.
        EnvironmentFailed: the build could not be tried (network, disk).
    """
    started, clock = datetime.now(UTC), time.monotonic()
    (spec.folder / "logs").mkdir(parents=True, exist_ok=True)
    told = _tell(config, spec, phase, cancel)
    result = _result(config, spec, told, started, time.monotonic() - clock)
    if why := unstorable(result):
        told = replace(_nothing(spec, Outcome.ERRORED, why), environment=told.environment)
        result = _result(config, spec, told, started, result.seconds)
    return result


def _result(
    config: TrialConfig, spec: TrialSpec, told: _Told, started: datetime, seconds: float
) -> TrialResult:
    return TrialResult(
        sha=spec.sha,
        cells=told.cells,
        outcome=told.outcome,
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        build_seconds=told.environment.seconds if told.environment else 0.0,
        environment=told.environment.fingerprint if told.environment else "",
        environment_reused=told.environment.reused if told.environment else True,
        slot=spec.slot,
        gpus=config.gpus,
        leftovers=told.leftovers,
        folder=str(spec.folder),
        reason=told.reason,
        whole=spec.cells is None,
        timeline=told.timeline,
        load=told.load,
        unusable=told.unusable,
        printed=told.printed,
        failure=told.failure,
    )


def untestable(sha: str, folder: Path, slot: int, reason: str) -> TrialResult:
    """The trial of a commit that could not even be put into a worktree."""
    return TrialResult(
        sha=sha,
        cells=(),
        outcome=Outcome.UNBUILDABLE,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=0.0,
        slot=slot,
        folder=str(folder),
        reason=reason,
        whole=True,
    )


def _tell(config: TrialConfig, spec: TrialSpec, phase: Phase, cancel: threading.Event) -> _Told:
    if config.profile is not None:
        phase("build", spec.folder)
    try:
        environment = _environment(config, spec, cancel)
    except BuildFailed as error:
        return _unbuildable(spec, error)
    if missing := _missing_script(config, spec):
        return _Told(Outcome.SKIPPED, (not_started(missing),), unusable=True)
    try:
        ports = hold_all(_fixed_ports(config))
    except EnvironmentFailed as error:
        return replace(_nothing(spec, Outcome.INFRASTRUCTURE, error.message), environment=environment)
    if isinstance(config.check, ProjectCheck) and not present(config.check, spec.tree):
        reason = f"there is no {' '.join(config.check.paths)} at this commit"
        return replace(_nothing(spec, Outcome.SKIPPED, reason), environment=environment)
    phase("test", spec.folder)
    with ports, _temporary(spec.folder) as temporary:
        place = TrialPaths(spec.folder, spec.tree, temporary, environment, spec.slot)
        job = make_job(config, place, spec.cells)
        before = LeftoverProbe.snapshot(config, place, spec.added)
        guarded = run_guarded(_spec(job, place), cancel)
        leftovers = before.diff(guarded.leftovers, cancel)
    if guarded.reason is Reason.CANCELLED:
        raise TrialAborted("the trial was interrupted")
    told = _read(config, spec, place, guarded)
    keep_logs(place.logs, told.cells)
    return replace(told, environment=environment, leftovers=leftovers, load=guarded.load)


def _unbuildable(spec: TrialSpec, error: BuildFailed) -> _Told:
    """Why a commit does not build: what the program that failed printed."""
    if error.code is None:
        return _nothing(spec, Outcome.UNBUILDABLE, f"does not build: {error.message}")
    failure = output_failure(error.log, error.code, time.time())
    ended = f"{error.program} ended with {failure.root.headline}"
    told = _nothing(spec, Outcome.UNBUILDABLE, clean_line(f"does not build: {ended}", _REASON_LIMIT))
    return replace(told, failure=failure)


def _missing_script(config: TrialConfig, spec: TrialSpec) -> str:
    """Why a command cannot run in this tree: a script that it names is not there."""
    scripts = config.check.scripts if isinstance(config.check, CommandCheck) else ()
    absent = next((script for script in scripts if not (spec.tree / script).exists()), None)
    return f"cannot run {absent}: it does not exist" if absent else ""


def _environment(config: TrialConfig, spec: TrialSpec, cancel: threading.Event) -> Environment | None:
    if config.profile is None:
        return None
    if config.profile.tiny_model:
        ensure_model(config.home.assets)
    log = spec.folder / "build.log"
    build, cache = config.profile.build, config.home.cache
    return prepare(spec.tree, spec.fingerprint, build, cache, log, cancel=cancel, waiting=spec.waiting)


def _read(config: TrialConfig, spec: TrialSpec, place: TrialPaths, guarded: GuardianResult) -> _Told:
    """What the trial wrote, as outcomes: errored where it cannot be read, as anybody may have written it."""
    if guarded.reason is Reason.LOST and records_removed(place.folder):
        return _nothing(spec, Outcome.ERRORED, "the folder of the trial was removed while it ran")
    try:
        return _collected(config, spec, place, guarded)
    except BisectError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_FAILED:
            raise
        why = clean_line(f"{type(error).__name__}: {error}", _REASON_LIMIT)
        return _nothing(spec, Outcome.ERRORED, f"what the trial wrote cannot be read: {why}")


def _collected(config: TrialConfig, spec: TrialSpec, place: TrialPaths, guarded: GuardianResult) -> _Told:
    if isinstance(config.check, CommandCheck):
        log = place.logs / f"{SUITE_LOG}.log"
        cell = command_cell(config.check.argv, guarded, log)
        noise = printed(place.logs, (cell,))
        return _Told(cell.outcome, (cell,), unusable=bool(guarded.not_started), printed=noise)
    ending = SuiteExit(guarded.reason, guarded.ended, guarded.exit_code)
    if project := isinstance(config.check, ProjectCheck):
        cells = collect_project(place.stream, ending, spec.cells)
    else:
        cells = collect(
            place.stream, place.logs, guarded.parents, ending, spec.cells, engine=config.engine_logs
        )
    if cells:
        known = config.engine_logs
        return _Told(
            overall(cells),
            cells,
            timeline=timeline(place.folder, place.logs, known),
            # All tests of a project share one log.
            printed=() if project else printed(place.logs, cells, known.known),
        )
    if guarded.exit_code == _NO_TESTS_COLLECTED and project:
        return _nothing(spec, Outcome.SKIPPED, _none_selected(config))
    if guarded.exit_code == _NO_TESTS_COLLECTED and config.cells:
        wanted = " ".join(config.cells)
        raise UsageError(
            f"no cell matches {wanted}", "Only `*` and `?` are wildcards; brackets match themselves."
        )
    reason = unreadable(place.stream) or _tail(place.logs / f"{SUITE_LOG}.log")
    return _nothing(spec, Outcome.ERRORED, f"the suite could not start: {reason}")


def _none_selected(config: TrialConfig) -> str:
    """Why pytest collected no test of a project, by what selects some of them."""
    args = config.check.args if isinstance(config.check, ProjectCheck) else ()
    by = [*(f"--cells {shlex.quote(pattern)}" for pattern in config.cells)]
    by += [f"--pytest-args {shlex.quote(shlex.join(args))}"] if args else []
    return clean_line(f"{NONE_SELECTED} by {' and '.join(by)}" if by else NONE_THERE)


def _spec(job: Job, place: TrialPaths) -> GuardianSpec:
    return GuardianSpec(
        argv=job.argv,
        cwd=job.cwd,
        env=job.env,
        stdout=place.logs / f"{SUITE_LOG}.log",
        watch=place.logs,
        deadline_s=job.deadline_s,
        idle_s=job.idle_s,
        grace_s=job.grace_s,
        complete=place.complete,
        folder=place.folder,
    )


def _nothing(spec: TrialSpec, outcome: Outcome, reason: str) -> _Told:
    """What a trial says of the cells that were asked for when it could not run them."""
    cells = tuple(CellResult(cell=cell, outcome=outcome, reason=reason) for cell in spec.cells or ())
    return _Told(outcome, cells, reason)


def _fixed_ports(config: TrialConfig) -> tuple[int, ...]:
    return config.profile.launch.fixed_ports if config.profile else ()


def _tail(log: Path) -> str:
    """The last line of a log that says something."""
    said = (text.strip() for text in reversed(last_lines(log, _LAST_LINES)))
    return clean_line(next(filter(None, said), ""), 300)


@contextmanager
def _temporary(trial: Path) -> Iterator[Path]:
    """A short temporary folder: paths of Unix sockets are limited to 108 bytes (unix(7)).

    The trial's folder has a link to it, for who takes up what was killed.
    """
    folder = Path(tempfile.mkdtemp(prefix=_prefix(trial)))
    try:
        (trial / _LINK).symlink_to(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the trial may have removed it, or put a folder in its place
            (trial / _LINK).unlink()


def _prefix(trial: Path) -> str:
    """How the name of a trial's temporary folder begins, which no other trial's does."""
    return f"{_PREFIX}{hashlib.sha256(bytes(trial)).hexdigest()[:8]}-"


def clear(trial: Path) -> None:
    """Remove what is left of a trial that was killed: its folder, and its temporary one.

    The trial may have changed the link to the latter: what it names is removed only if the name is the
    trial's own. Neither is removed where it is a link itself (`shutil.rmtree` follows none).
    """
    with suppress(OSError):
        folder = (trial / _LINK).readlink()
        if folder.name.startswith(_prefix(trial)):
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(trial, ignore_errors=True)
