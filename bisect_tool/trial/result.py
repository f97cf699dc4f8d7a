"""The result of one trial: an outcome for each cell, with its evidence, and leftovers."""

from __future__ import annotations

from functools import cached_property

from pydantic import BaseModel, ConfigDict

from bisect_tool.evidence import Failure, ProcessTimeline, Signature
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.load import Load
from bisect_tool.verdict import Outcome

_REASON_LIMIT = 300

_WORST_FIRST = (
    Outcome.INFRASTRUCTURE,
    Outcome.UNBUILDABLE,
    Outcome.HUNG,
    Outcome.FAILED,
    Outcome.ERRORED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class CellResult(_Model):
    """The outcome of one cell; `seconds` counts its set-up, call and teardown."""

    cell: str
    outcome: Outcome
    seconds: float = 0.0
    failure: Failure | None = None
    reason: str = ""


class Leftover(_Model):
    """Something a trial left behind: kind is `process`, `port`, `shm`, `file` or `gpu`."""

    kind: str
    name: str


class GpuUse(_Model):
    """The bytes in use on one GPU before the tests, at most while they ran, and after them (None: unknown).

    They are those of all processes on it, other programs' as well.
    """

    gpu: str
    before: int
    peak: int
    after: int | None = None


class CiJob(_Model):
    """The job of a CI service that was a trial: `attempt` identifies it there.

    `started`: we started it; else others did, and it cost us nothing.
    """

    attempt: str
    started: bool = False


class TrialResult(_Model):
    """One trial of some cells at one commit in one slot.

    `started` is UTC in ISO 8601; `seconds` is wall time with the build, `build_seconds` the build alone;
    `environment` is the fingerprint; `folder` is where the logs lie; `reason` says why a whole trial
    yielded nothing (unbuildable, infrastructure). `gpus` is how many it had to itself. `whole`: it was asked
    for every cell that its session is about. `timeline` has every process of the engine; empty for a plain
    command, and in trials that were stored before it was kept. `load` is how busy the machine was with other
    work while the check ran; None where nothing ran, and in older trials. `unusable`: the check itself
    could not be started. `printed` are the signatures of errors that were logged without being part of any
    failure: what a passing cell prints is no reason for it to fail. `failure` is why a commit does not build.
    `where` says where it ran, such as a machine, a job's URL or GPUs; empty for this machine's CPUs. `job` is
    the job of a CI service that it was. `gpu_memory` has each GPU that it used.
    """

    sha: str
    cells: tuple[CellResult, ...]
    outcome: Outcome
    started: str
    seconds: float
    build_seconds: float = 0.0
    environment: str = ""
    environment_reused: bool = True
    slot: int = 0
    gpus: int = 0
    leftovers: tuple[Leftover, ...] = ()
    folder: str = ""
    reason: str = ""
    whole: bool = False
    timeline: tuple[ProcessTimeline, ...] = ()
    load: Load | None = None
    unusable: bool = False
    printed: tuple[Signature, ...] = ()
    failure: Failure | None = None
    where: str = ""
    job: CiJob | None = None
    gpu_memory: tuple[GpuUse, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether others ran it."""
        return self.job is not None and not self.job.started

    @property
    def busy(self) -> str:
        """The measure by which the machine was busy with other work, and its figure; empty if it was not."""
        return self.load.busy if self.load else ""

    @property
    def slowed(self) -> str:
        """As `busy`, but empty if the tests hardly used a CPU and so cannot have been slowed."""
        return self.load.slowing if self.load else ""

    def cell(self, name: str) -> CellResult | None:
        """The result of the cell called `name`, None if the trial did not run it.

        A trial without any result has none for any cell.
        """
        place = self.places.get(name)
        if place is None:
            return None if self.cells else CellResult(cell=name, outcome=self.outcome, reason=self.reason)
        return self.cells[place]

    @cached_property
    def places(self) -> dict[str, int]:
        """Position of each cell among those that ran."""
        return {result.cell: place for place, result in reversed([*enumerate(self.cells)])}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The cells in the order in which they ran."""
        return tuple(result.cell for result in self.cells)


def overall(cells: tuple[CellResult, ...]) -> Outcome:
    """The outcome of a trial as a whole: that of its worst cell, ERRORED where it ran none."""
    outcomes = {cell.outcome for cell in cells}
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), Outcome.ERRORED)


def unstorable(result: TrialResult) -> str:
    """Return why a result would change when it is read from the store; empty if it would not."""
    try:
        same = TrialResult.model_validate_json(result.model_dump_json()) == result
    except ValueError as error:
        return clean_line(f"its result cannot be stored: {error}", _REASON_LIMIT)
    return "" if same else "its result cannot be stored unchanged"
