"""One trial: prepare an environment, run the check under the guardian, collect, tear down."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bisect_tool.build import BuildFailed, Environment, prepare
from bisect_tool.errors import BisectError, ExitCode, UsageError
from bisect_tool.request import CommandCheck
from bisect_tool.supervise import GuardianResult, GuardianSpec, run_guarded
from bisect_tool.supervise.logs import bounded_log, read_lines
from bisect_tool.supervise.ports import is_free
from bisect_tool.text import clean_line
from bisect_tool.trial.collect import SUITE_LOG, Ending, collect
from bisect_tool.trial.command import command_cell
from bisect_tool.trial.job import Job, make_job
from bisect_tool.trial.result import CellResult, Leftover, TrialResult, overall
from bisect_tool.trial.setting import Place, Setting
from bisect_tool.verdict import Outcome

Phase = Callable[[str, Path], None]


class TrialAborted(BisectError):
    """The trial was cancelled, or the check asked to stop the whole bisection."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True)
class Order:
    """One trial to run: a commit, its tree and fingerprint, the cells (None: all), a folder for its logs."""

    sha: str
    tree: Path
    fingerprint: str
    cells: tuple[str, ...] | None
    folder: Path
    slot: int


def run_trial(setting: Setting, order: Order, phase: Phase, cancel: threading.Event) -> TrialResult:
    """Run one trial to its end; whatever happened to the commit is in the result.

    Raises:
        TrialAborted: `cancel` was set. Nothing is known about the commit.
        CheckAborted: the command asked to stop.
        UsageError: no cell matches the patterns.
        EnvironmentFailed: the build could not be tried (network, disk).
    """
    started, clock = datetime.now(UTC), time.monotonic()
    logs = order.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    phase("build", order.folder)
    try:
        environment = _environment(setting, order)
    except BuildFailed as error:
        reason = f"does not build: {error.message}"
        return _barren(order, Outcome.UNBUILDABLE, reason, started, time.monotonic() - clock)
    taken = [port for port in _fixed_ports(setting) if not is_free(port)]
    if taken:
        reason = f"port {taken[0]}, which the engine must bind, is taken by another process"
        return _barren(order, Outcome.INFRASTRUCTURE, reason, started, time.monotonic() - clock)
    phase("test", order.folder)
    cells, guarded = _run(setting, order, environment, cancel)
    return TrialResult(
        sha=order.sha,
        cells=cells,
        outcome=overall(cells),
        started=started.isoformat(timespec="milliseconds"),
        seconds=time.monotonic() - clock,
        build_seconds=environment.seconds if environment else 0.0,
        environment=environment.fingerprint if environment else "",
        environment_reused=environment.reused if environment else True,
        slot=order.slot,
        leftovers=_leftovers(guarded),
        folder=str(order.folder),
    )


def _environment(setting: Setting, order: Order) -> Environment | None:
    if setting.profile is None:
        return None
    log = order.folder / "build.log"
    return prepare(order.tree, order.fingerprint, setting.profile.build, setting.home.cache, log)


def _run(
    setting: Setting, order: Order, environment: Environment | None, cancel: threading.Event
) -> tuple[tuple[CellResult, ...], GuardianResult]:
    with _temporary() as temporary:
        place = Place(order.folder, order.tree, temporary, environment)
        job = make_job(setting, place, order.cells)
        guarded = run_guarded(_spec(job, place), cancel)
    if guarded.reason == "cancelled":
        raise TrialAborted("the trial was interrupted", "`bisect-run resume` goes on from here.")
    for log in place.logs.glob("*.log"):
        bounded_log(log)
    if isinstance(setting.check, CommandCheck):
        log = place.logs / f"{SUITE_LOG}.log"
        return (command_cell(guarded.reason, guarded.exit_code, guarded.seconds, time.time(), log),), guarded
    return _suite_cells(order, place, guarded), guarded


def _spec(job: Job, place: Place) -> GuardianSpec:
    return GuardianSpec(
        argv=job.argv,
        cwd=job.cwd,
        env=job.env,
        stdout=place.logs / f"{SUITE_LOG}.log",
        watch=place.logs,
        deadline_s=job.deadline_s,
        idle_s=job.idle_s,
        grace_s=job.grace_s,
        folder=place.folder,
    )


def _suite_cells(order: Order, place: Place, guarded: GuardianResult) -> tuple[CellResult, ...]:
    ending = Ending(guarded.reason, time.time())
    cells = collect(place.stream, place.logs, guarded.parents, ending, order.cells)
    if cells:
        return cells
    if guarded.exit_code == 5 and order.cells:
        raise UsageError(f"no cell matches {' '.join(order.cells)}", "`bisect-run scenarios show` lists them.")
    tail = _tail(place.logs / f"{SUITE_LOG}.log")
    return (CellResult(cell="suite", outcome=Outcome.ERRORED, reason=f"the suite could not start: {tail}"),)


def _barren(order: Order, outcome: Outcome, reason: str, started: datetime, seconds: float) -> TrialResult:
    """The result of a trial that told nothing about its cells."""
    cells = tuple(CellResult(cell=cell, outcome=outcome, reason=reason) for cell in order.cells or ())
    return TrialResult(
        sha=order.sha,
        cells=cells,
        outcome=outcome,
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        slot=order.slot,
        folder=str(order.folder),
        reason=reason,
    )


def _fixed_ports(setting: Setting) -> tuple[int, ...]:
    return setting.profile.launch.fixed_ports if setting.profile else ()


def _leftovers(guarded: GuardianResult) -> tuple[Leftover, ...]:
    left = guarded.leftovers
    return (
        *(Leftover(kind="process", name=f"{process.title} (pid {process.pid})") for process in left.processes),
        *(Leftover(kind="port", name=str(port)) for port in left.ports),
        *(Leftover(kind="shm", name=name) for name in left.shm),
    )


def _tail(log: Path) -> str:
    """The last line of a log that says something."""
    last = ""
    for _, text in read_lines(log):
        last = text.strip() or last
    return clean_line(last, 300)


@contextmanager
def _temporary() -> Iterator[Path]:
    """A short temporary folder: paths of Unix sockets are limited to 108 bytes (unix(7))."""
    folder = Path(tempfile.mkdtemp(prefix="bisect-run-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
