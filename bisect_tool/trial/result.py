"""The result of one trial: an outcome for each cell, with its evidence, and leftovers."""

from __future__ import annotations

from functools import cached_property

from pydantic import BaseModel, ConfigDict

from bisect_tool.evidence import Failure, ProcessTimeline, Signature
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.machine_load import Load
from bisect_tool.verdict import WORST_FIRST, Outcome

_REASON_LIMIT = 300


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class CellResult(_Model):
    """The outcome of one cell; `seconds` counts its set-up, call and teardown.

    Of a command, `no_tests` is the line that says that it ran no test. Of one that passed, `failed_tests` are
    tests that its output reports as failed all the same.
    """

    cell: str
    outcome: Outcome
    seconds: float = 0.0
    failure: Failure | None = None
    reason: str = ""
    no_tests: str = ""
    failed_tests: tuple[str, ...] = ()


class Leftover(_Model):
    """Something a trial left behind: kind is `process`, `port`, `shm`, `file` or `gpu`."""

    kind: str
    name: str


class GpuUse(_Model):
    """The bytes in use on one GPU before the tests, their peak, and after the tests (None: unknown).

    They include other programs.
    """

    gpu: str
    before: int
    peak: int
    after: int | None = None


class CiJob(_Model):
    """The job of a CI service that ran a trial; `attempt` identifies it there.

    `started`: whether we started it; if others did, it cost us nothing.
    """

    attempt: str
    started: bool = False


class TrialResult(_Model):
    """One trial of some cells at one commit in one slot.

    `started` is UTC in ISO 8601; `seconds` is wall time with the build, `build_seconds` the build alone;
    `environment` is the fingerprint; `folder` has the logs; `reason` is why the whole trial has no result
    (unbuildable, infrastructure). `gpus` is the number of GPUs it had. `whole`: every cell of its session was
    requested. `timeline` has every process of the engine; empty for a command and in trials of older
    versions. `load` is the other load of the machine while the check ran; None if nothing ran, and in older
    trials. `unusable`: the check itself could not be started. `printed` are the signatures of logged errors
    that failed no cell: what passing cells print does not explain failures. `failure` is why a commit does
    not build. `where` is the machine, job URL or GPUs; empty for this machine's CPUs. `job` is the CI job of
    the trial. `gpu_memory` has each GPU that it used.
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
        """Whether others started its job."""
        return self.job is not None and not self.job.started

    @property
    def busy(self) -> str:
        """The measure that shows other work on the machine, with its value; empty if none does."""
        return self.load.busy if self.load else ""

    @property
    def slowed(self) -> str:
        """As `busy`, but empty if the tests hardly used a CPU and so cannot have been slowed."""
        return self.load.slowing if self.load else ""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process while the check ran, because memory ran out."""
        return self.load is not None and self.load.oom_kills > 0

    def cell(self, name: str) -> CellResult | None:
        """Return the result of a cell; None if the trial did not run it, or has no result."""
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
        """The cells, in the order in which they ran."""
        return tuple(result.cell for result in self.cells)


def overall(cells: tuple[CellResult, ...]) -> Outcome:
    """Return the outcome of a whole trial: that of its worst cell, ERRORED if it ran none."""
    outcomes = {cell.outcome for cell in cells}
    return next((outcome for outcome in WORST_FIRST if outcome in outcomes), Outcome.ERRORED)


def unstorable(result: TrialResult) -> str:
    """Return why a result would change in the store; empty if it would not."""
    try:
        same = TrialResult.model_validate_json(result.model_dump_json()) == result
    except ValueError as error:
        return clean_line(f"its result cannot be stored: {error}", _REASON_LIMIT)
    return "" if same else "its result cannot be stored unchanged"
