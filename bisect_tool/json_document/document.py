"""The JSON document of a session, schema 2: complete without the logs."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.checks import CommandCheck
from bisect_tool.evidence import Event, ProcessTimeline  # pydantic needs them at run time
from bisect_tool.json_document.check_warnings import ShadowReport
from bisect_tool.json_document.fixes import FixReport
from bisect_tool.json_document.repro import Reproduction  # and this

SCHEMA: Final = 2


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EndCount(_Model):
    """Runs of a cell at one commit or end of the range, and how many of them failed."""

    runs: int
    failed: int

    def __str__(self) -> str:
        if not self.runs:
            return "not run"
        if self.failed in (0, self.runs):
            return f"{self.runs} {'failed' if self.failed else 'passed'}"
        return f"{self.failed} of {self.runs} failed"


class CommitInfo(_Model):
    """A commit; `date` is the author's, ISO 8601, and `pr` its pull-request number, null if unknown."""

    sha: str
    subject: str
    author: str
    date: str
    pr: int | None = None


class Skipped(_Model):
    """A commit without a result, and the reason."""

    sha: str
    reason: str


class FailRates(_Model):
    """Estimated probability that the cell fails at bad and at good commits; between 0 and 1."""

    bad: float
    good: float


class OtherFailureReport(_Model):
    """How a command failed at the culprit, and at the bad end, if these differ."""

    found: str
    bad_end: str


class CellReport(_Model):
    """The result for one cell.

    `finding` is one of culprit, suspect, candidates, green, always red, flaky, unverified. `other_failure` is
    set for a suspect at which the check fails differently than at the bad end. `last_good` is a parent of the
    culprit at which the cell passed (with `find` "fix": failed). `culprit_runs` and `last_good_runs` count
    the runs at these two commits, `broken_runs` those at all commits that contain the culprit (null with
    `find` "fix"). `confidence` is the probability that the finding is right, null if it is not statistical;
    `probabilities` has that of each candidate. `no_op`: the culprit changes nothing that is built or run.
    `prerequisites` are the cells that must run before this one to make it fail, `leftovers` what they left
    behind.
    """

    finding: str
    good: EndCount
    bad: EndCount
    culprit: CommitInfo | None = None
    last_good: str | None = None
    culprit_runs: EndCount | None = None
    last_good_runs: EndCount | None = None
    broken_runs: EndCount | None = None
    candidates: tuple[str, ...] = ()
    probabilities: dict[str, float] = Field(default_factory=dict)
    confidence: float | None = None
    fail_rates: FailRates | None = None
    no_op: bool = False
    other_failure: OtherFailureReport | None = None
    signature: str | None = None
    order_dependent: bool | None = None
    prerequisites: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    note: str = ""


class ParentRuns(_Model):
    """A parent of a culprit: its trials, and the runs and failures of the culprit's cells in them."""

    sha: str
    trials: int
    runs: int
    failed: int


class FileChange(_Model):
    """A file that a culprit changes; `added` and `removed` count lines, null if unknown (binary or missing).

    `was` is the earlier path of a moved file; `mode` the file mode before and after, if it changed.
    """

    path: str
    added: int | None = None
    removed: int | None = None
    was: str = ""
    mode: str = ""


class PinChange(_Model):
    """A requirement pinned in `file`, before (`old`) and after the commit (`new`); empty if absent."""

    file: str
    package: str
    old: str
    new: str


class CulpritReport(_Model):
    """What a culprit changes, and how its cells ran at its parents; a root commit has none.

    `cut_off`: its parents are missing from this shallow clone. `merge_itself`: the merge is the culprit, not
    a commit that it merges; `files` are then those that differ from every parent, else from the first.
    `files` are the first of `files_total`; `added` and `removed` count the lines of all. `note` says what
    could not be read.
    """

    parents: tuple[ParentRuns, ...]
    merge_itself: bool = False
    cut_off: bool = False
    files: tuple[FileChange, ...] = ()
    files_total: int = 0
    added: int = 0
    removed: int = 0
    pins: tuple[PinChange, ...] = ()
    note: str = ""


BUILD = "the build"
"""Used instead of a cell's name if a build failed."""


class FailureReport(_Model):
    """A failure chain: `chain[0]` is `root`, the events after it are its consequences.

    `cells` failed with this signature; `other_signatures` are cells of the same culprit that failed with
    another one. `symptom`: the root is a consequence of something that the logs do not show.
    """

    cell: str
    sha: str
    root: Event
    chain: tuple[Event, ...]
    excerpt: str
    other_signatures: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    signature: str = ""
    symptom: bool = False


class MachineLoad(_Model):
    """Machine load during a trial's tests; see `bisect_tool.supervise.machine_load.Load`.

    `busy` is the measure that exceeded its limit, with its value; empty if the machine was not busy.
    """

    busy: str
    cpus: float
    load_before: float
    load_after: float
    others: float | None = None
    cpu: float | None = None
    memory: float | None = None
    io: float | None = None
    own: float | None = None
    oom_kills: int = 0


class GpuMemoryReport(_Model):
    """The memory in use on one GPU in bytes: before a trial's tests, their peak, and after them.

    It includes the memory of other programs. `after` is null if the driver did not respond.
    """

    gpu: str
    before: int
    peak: int
    after: int | None = None


class TrialReport(_Model):
    """One trial; `outcomes` has each cell's outcome, `outcome` the worst of them; times in seconds.

    `shared`: run by another session. `exit` is the exit code or signal of a command that failed. `started` is
    UTC, ISO 8601; empty in older documents. `timeline` has the engine's processes, ordered by start. `load`
    is null if unknown. `where` says where it ran; empty for this machine's CPUs. `gpu_memory` has an entry
    for each GPU that it used.
    """

    sha: str
    purpose: str
    cells: tuple[str, ...]
    outcome: str
    outcomes: dict[str, str]
    started: str = ""
    seconds: float
    build_seconds: float
    environment: str
    slot: int
    leftovers: tuple[str, ...]
    log: str
    reason: str = ""
    shared: bool = False
    exit: str = ""
    timeline: tuple[ProcessTimeline, ...] = ()
    load: MachineLoad | None = None
    where: str = ""
    gpu_memory: tuple[GpuMemoryReport, ...] = ()


class LoadContrast(_Model):
    """Cells that failed significantly more often while the machine was busy with other work.

    `p_value` is of Fisher's exact test: the probability of such a difference if load has no effect.
    """

    cells: tuple[str, ...]
    failures: int
    busy_failures: int
    passes: int
    busy_passes: int
    measure: str
    p_value: float


class Cost(_Model):
    """What the session cost; `seconds` is the sum of its trials' wall times.

    `wall_seconds` is the time during which at least one trial ran (less than the sum with parallel slots);
    null in older documents.
    """

    trials: int
    builds: int
    seconds: float
    wall_seconds: float | None = None
    gpu_seconds: float


class NextSearch(_Model):
    """The `commit` that undid a culprit, and the command line that continues the search from there.

    `rerun` is empty if that commit is the bad end, or fails as well.
    """

    culprit: str
    commit: CommitInfo
    rerun: str


class Confirmation(_Model):
    """Result of reverting the culprits on the bad end, from the `session` that tried it.

    `conclusion` is one sentence; `cost` is not included in the bisection's. `searches` are next searches for
    culprits that were already undone: the failure at the bad end has another cause.
    """

    session: str
    conclusion: str
    fixes: FixReport
    cost: Cost
    searches: tuple[NextSearch, ...] = ()


class NativeChange(_Model):
    """A commit that changes native files although the compiled base is pinned: the change was not built."""

    sha: str
    paths: tuple[str, ...]


class EarlierResults(_Model):
    """How many earlier results counted as evidence, and at how many commits."""

    results: int
    commits: int


class Document(_Model):
    """What `--json` prints; `commits` describes, by sha, every commit that the document mentions.

    `origin` is the URL of the repository's origin, without account; empty without one. `culprits` has details
    of every culprit, by sha. `rerun_same_failure` is the command line that skips other failures, if a commit
    is suspect because of one. `resumable`: `bisect-run resume` continues the session. `running`: a process is
    running it now. `fixes` is the result of `fixes`, `repro` that of `repro`; `cells` is then empty.
    `confirmation` is the result of reverting the culprits; null if not requested or without a culprit.
    `failures` has one entry for every culprit and signature; `failure` is the first of them. `check` is the
    command, with the user's scripts that it names; null for a scenario. `withheld` are environment variables
    that the check did not get, `shadows` what may shadow the commits' code. `find`: "regression" searches for
    the first bad commit after `good`, "fix" for the first good one after `bad`. `earlier_results` are those
    of `--results` and of `nightly`; null without them. `not_examined` names what the trials could not examine
    where they ran, for example in CI.
    """

    schema_: Literal[2] = Field(SCHEMA, alias="schema")
    command: str
    rerun: str
    rerun_same_failure: str = ""
    session: str
    created: str
    scenario: str
    profile: str
    repo: str
    origin: str = ""
    find: Literal["regression", "fix"] = "regression"
    good: tuple[str, ...]
    bad: str
    candidates_total: int
    exit_code: int
    resumable: bool = False
    running: bool = False
    conclusion: str
    cells: dict[str, CellReport]
    repro: Reproduction | None = None
    fixes: FixReport | None = None
    confirmation: Confirmation | None = None
    failure: FailureReport | None
    failures: tuple[FailureReport, ...] = ()
    culprits: dict[str, CulpritReport] = Field(default_factory=dict)
    commits: dict[str, CommitInfo] = Field(default_factory=dict)
    native_changes: tuple[NativeChange, ...] = ()
    earlier_results: EarlierResults | None = None
    check: CommandCheck | None = None
    withheld: tuple[str, ...] = ()
    shadows: tuple[ShadowReport, ...] = ()
    not_examined: tuple[str, ...] = ()
    trials: tuple[TrialReport, ...]
    load: tuple[LoadContrast, ...] = ()
    cost: Cost
    versions: dict[str, str]

    @property
    def unfinished(self) -> bool:
        """Whether the session has not ended: it is running, or can be resumed."""
        return self.running or self.resumable

    def to_json(self) -> str:
        """The document as indented JSON, in ASCII so that no terminal or encoding misreads it."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)
