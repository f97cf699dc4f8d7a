"""The request: what a command has to do, with every name resolved. It is stored with the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bisect_tool.checks import Check
from bisect_tool.mode import Bisect, Mode
from bisect_tool.wheels.settings import ChosenWheels

if TYPE_CHECKING:
    from bisect_tool.executor_names import ExecutorName


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Watched(_Model):
    """The watch of `nightly` that a session belongs to.

    If the session is a bisection, it searches for the culprit of `cells` (series, job, shard, cell,
    environment), which fail with `exception`.
    """

    name: str
    cells: tuple[tuple[str, str, str, str, str], ...] = ()
    exception: str = ""

    @property
    def tests(self) -> frozenset[str]:
        """The names of the cells, without their jobs."""
        return frozenset(cell for _, _, _, cell, _ in self.cells)


class Request(_Model):
    """What a session does: the mode, full commit ids, the check and how it is run.

    `bad` is the failing end of a bisection (with `find="fix"` the passing one), else the commit that is run.
    `scenario` is a name or the path of a folder, None for a command; `scenario_sha256` is the digest of its
    files when the session began (empty in older sessions). `deadline_s` limits one trial of a command. With
    `fresh`, trials of earlier sessions are ignored. `pass_env` are variables that trials get although their
    names look like secrets. `gpus` are the GPUs that trials may use (empty: all visible ones); with
    `share_gpu`, all trials use the first. `wheel_url` is the value of --wheel-url, and `wheels` the choice
    for the whole range, None without wheels. `ray_address` is the Ray cluster that runs the trials, None for
    this machine. `rerun` is the command line that does the same again. `watched` is set in sessions of
    `nightly`.
    """

    mode: Mode
    repo: str
    bad: str
    check: Check
    scenario: str | None = None
    profile: str | None = None
    cells: tuple[str, ...] = ()
    slots: int = Field(1, ge=1)
    gpus: tuple[str, ...] = ()
    share_gpu: bool = False
    fresh: bool = False
    deadline_s: float = Field(3600, gt=0)
    pass_env: tuple[str, ...] = ()
    wheel_url: str | None = None
    wheels: ChosenWheels | None = None
    ray_address: str | None = None
    scenario_sha256: str = ""
    rerun: str = ""
    watched: Watched | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_versions(cls, fields: Any) -> Any:  # noqa: ANN401 - whatever is validated
        return _with_mode(fields) if isinstance(fields, dict) and "mode" not in fields else fields

    @property
    def executor(self) -> ExecutorName:
        """Where its trials run, as in `--executor`."""
        if job := self.check.as_job:
            return job.service
        return "local" if self.ray_address is None else "ray"

    @property
    def runs_here(self) -> bool:
        """Whether its trials run on this machine."""
        return self.executor == "local"

    @property
    def goods(self) -> tuple[str, ...]:
        """The ends of a bisection that are outside its range; empty in other modes."""
        return self.mode.goods if isinstance(self.mode, Bisect) else ()

    @property
    def ends(self) -> tuple[str, ...]:
        """The commits that the request names: the ends of a bisection, else the one that is run."""
        return (*self.goods, self.bad)

    @property
    def finds_fix(self) -> bool:
        """Whether the first good commit is searched for instead of the first bad one."""
        return isinstance(self.mode, Bisect) and self.mode.find == "fix"


_BISECT = (
    "goods",
    "first_parent",
    "find",
    "endpoint_runs",
    "confidence",
    "priors",
    "confirm",
    "same_failure",
    "rerun_unlimited",
    "rerun_same_failure",
)


def _with_mode(fields: dict[str, Any]) -> dict[str, Any]:
    """Convert the fields of a request that was stored before requests had a mode."""
    kept = dict(fields)
    command = kept.pop("command", "run")
    bisect = {name: kept.pop(name) for name in _BISECT if name in kept}
    budget = {name: kept.pop(f"budget_{name}", None) for name in ("trials", "minutes")}
    repetition, fixes = kept.pop("repetition", None), kept.pop("fixes", None)
    if repetition is not None:
        return {**kept, "mode": {"command": "repro", **repetition}}
    if fixes is not None:
        return {**kept, "mode": {"command": "fixes", "runs": bisect.get("endpoint_runs", 2), **fixes}}
    if command == "step":
        return {**kept, "mode": {"command": "step"}}
    return {**kept, "mode": {"command": command, **bisect, "budget": budget}}
