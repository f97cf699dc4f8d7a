"""The JSON document of `nightly`: every cell with its state, and one entry for each cause of failures."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.json_document.document import Document, FailureReport  # pydantic needs them at run time
from bisect_tool.nightly_rules.cell_status import CellStatus

SCHEMA: Final = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FailureRate(_Model):
    """How often a cell failed, of its conclusive runs."""

    failed: int
    runs: int


class CommitRuns(_Model):
    """How many runs of a cell passed and failed at a commit; both 0 if the infrastructure failed."""

    commit: str
    passed: int
    failed: int


class NightlyCell(_Model):
    """A cell of a series with its status.

    `reason` is the name of the rule that decided, and `sentence` explains it. `since` is the first commit
    known to have the same result as the newest one. `culprit` is the commit that broke the cell, if known,
    and `action` describes what will be run next; each may be empty. `recent` has the newest commits at which
    the cell ran, oldest first; it is empty if it failed at none of them.
    """

    series: str
    job: str
    shard: str = ""
    cell: str = ""
    environment: str = ""
    status: CellStatus
    reason: str
    sentence: str
    since: str = ""
    culprit: str = ""
    rate: FailureRate | None = None
    action: str = ""
    recent: tuple[CommitRuns, ...] = ()

    @property
    def label(self) -> str:
        """The cell and its job in one line; only once if both have the same name, as with a command."""
        shard = f" shard {self.shard}" if self.shard else ""
        environment = f" ({self.environment})" if self.environment else ""
        return ": ".join(dict.fromkeys(filter(None, (f"{self.job}{shard}{environment}", self.cell))))


class Cause(_Model):
    """One cause of failures, for which one issue is opened.

    `fingerprint` identifies the cause from night to night. `state` is new if its bisection ended tonight,
    open if it was found earlier, and fixed if all of its cells pass again or are no longer run; then `note`
    says so. `proven`: the culprit was confirmed, its parents passed, and no other candidate is left. A cause
    without a culprit has `candidates`. `session` is the bisection that found it, and `document` its result.
    `fixed_by` is the first commit at which its cells are known to pass again, and `last_red` the last one at
    which they failed.
    """

    fingerprint: str
    state: Literal["new", "open", "fixed"]
    cells: tuple[str, ...]
    good: str
    bad: str
    exception: str = ""
    culprit: str = ""
    proven: bool = False
    candidates: tuple[str, ...] = ()
    session: str = ""
    last_red: str = ""
    fixed_by: str = ""
    note: str = ""
    document: Document | None = None

    @property
    def suspects(self) -> frozenset[str]:
        """The culprit, or the remaining candidates."""
        return frozenset({self.culprit} if self.culprit else self.candidates)

    @property
    def heading(self) -> str:
        """The state as a heading; `Closed` if the cause ended without a known fix."""
        return "Closed" if self.note else self.state.capitalize()


class NightlyDocument(_Model):
    """The result of one night of one watch.

    `commit` is that of `ref`, and `observed` the number of results read. `created` is ISO 8601 with a time
    zone. `notes` are sentences about what the night could not do or find out. `failures` are failure chains
    from the logs of the results that were read, one for each signature; cells whose cause has the same chain
    are left out.
    """

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    command: Literal["nightly"] = "nightly"
    version: str
    created: str
    watch: str
    repo: str
    ref: str
    commit: str
    observed: int
    dry_run: bool
    cells: tuple[NightlyCell, ...] = ()
    causes: tuple[Cause, ...] = ()
    failures: tuple[FailureReport, ...] = ()
    notes: tuple[str, ...] = ()
    exit_code: int

    @property
    def passing(self) -> int:
        """The number of cells that pass."""
        return sum(cell.status in (CellStatus.GREEN, CellStatus.FIXED) for cell in self.cells)

    @property
    def total(self) -> int:
        """The number of cells that are still run."""
        return sum(cell.status is not CellStatus.MISSING for cell in self.cells)

    def to_json(self) -> str:
        """The document as indented JSON text, in ASCII."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)
