"""The JSON document of a session, schema 2: complete without the logs."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.evidence import Event, ProcessTimeline  # pydantic needs them at run time
from bisect_tool.request import CommandCheck
from bisect_tool.results.check import ShadowReport
from bisect_tool.results.fixes import FixReport
from bisect_tool.results.repro import Reproduction  # and this

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
    """A commit as people speak of it; `date` is the author's, ISO 8601."""

    sha: str
    subject: str
    author: str
    date: str
    pr: int | None = None


class Skipped(_Model):
    """A commit that told nothing, and why."""

    sha: str
    reason: str


class FailRates(_Model):
    """How often the cell fails at bad and at good commits, as the search learnt it; between 0 and 1."""

    bad: float
    good: float


class OtherFailureReport(_Model):
    """How a command failed at the commit found, and how it does at the bad end, where these differ."""

    found: str
    bad_end: str


class CellReport(_Model):
    """The answer for one cell.

    `finding` is one of culprit, suspect, candidates, green, always red, flaky, unverified; `other_failure` is
    why it is suspect: the commit breaks the check, but in another way than the bad end is broken;
    `last_good` is the culprit's parent, where a trial saw it pass (or fail, where a fix was looked for);
    `culprit_runs` and `last_good_runs` count the runs of these two, `broken_runs` those of all commits that
    have the culprit (null where a fix was looked for);
    `confidence` is how sure the finding is, null where it does not rest on chance; `probabilities` has the
    chance of each candidate; `no_op` tells that what is built of the culprit is what is built of its parent.
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
    """A parent of a culprit, and how often the culprit's cells ran and failed there in how many trials."""

    sha: str
    trials: int
    runs: int
    failed: int


class FileChange(_Model):
    """A file that a culprit changes; `added` and `removed` lines are null where they are not known.

    `was` is its earlier path, where it was moved, and `mode` its mode before and after, where that differs.
    """

    path: str
    added: int | None = None
    removed: int | None = None
    was: str = ""
    mode: str = ""


class PinChange(_Model):
    """A requirement before and after, as `file` has it; empty where it is not there."""

    file: str
    package: str
    old: str
    new: str


class CulpritReport(_Model):
    """What a culprit changes, and what was seen at its parents; a root commit has none.

    `cut_off`: its parents are not in this shallow clone.

    `merge_itself`: no parent of the merge shows what it shows, and no commit that it brings is to blame;
    `files` then differ from every parent, else from the first. They are the first of `files_total`, whose
    lines `added` and `removed` count. `note` says what of it could not be read.
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
"""In the place of a cell, where what failed is not a test."""


class FailureReport(_Model):
    """The failure chain: `chain[0]` is `root`; what follows was brought down by it.

    `other_signatures` are the cells of the same culprit that failed with another signature, `cells` those
    that failed with this one. `symptom`: the root is only the consequence of something that the logs do not
    have.
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
    """How busy the machine was with other work during a trial's tests; see `bisect_tool.supervise.load.Load`.

    `busy` is the measure by which it was busy, with its figure; empty if it was not.
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


class TrialReport(_Model):
    """One trial; `outcomes` gives each cell's outcome, `outcome` the worst of them; times in seconds.

    `shared` tells that another session ran it. `exit` is the exit code or signal of a command that failed.
    `started` is UTC in ISO 8601; empty in documents that were stored before it was kept.
    `timeline` has every process of the engine, in the order in which they were spawned.
    `load` is how busy the machine was, null where that is not known.
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


class LoadContrast(_Model):
    """Cells that failed more often while the machine was busy with other work, beyond chance.

    `p_value` is how likely so great a difference is where the load has no say (Fisher's exact test).
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

    `wall_seconds` is how long at least one of them ran: less than the sum where they run side by side. It is
    null in documents that were stored before it was kept.
    """

    trials: int
    builds: int
    seconds: float
    wall_seconds: float | None = None
    gpu_seconds: float


class NextSearch(_Model):
    """The `commit` that took a culprit back, and a command line that searches on from there.

    `rerun` is empty where that commit is the bad end, or fails as well.
    """

    culprit: str
    commit: CommitInfo
    rerun: str


class Confirmation(_Model):
    """Whether reverting the culprits on the bad end heals it: the answer of the `session` that tried.

    `conclusion` says so in a sentence; `cost` is no part of the bisection's. `searches` are what to do next
    where a culprit had been taken back already: what fails at the bad end came later.
    """

    session: str
    conclusion: str
    fixes: FixReport
    cost: Cost
    searches: tuple[NextSearch, ...] = ()


class NativeChange(_Model):
    """A commit whose native files differ from its parent's although the compiled base is pinned."""

    sha: str
    paths: tuple[str, ...]


class Document(_Model):
    """What `--json` prints; `commits` describes, by sha, every commit that the document names.

    `origin` is where others find the repository: the URL of its origin without account; empty without one.
    `culprits` says more of every culprit, by sha.
    `rerun_same_failure` is the command that skips other failures, where a commit is suspect for one.
    `resumable`: `bisect-run resume` goes on with the session, where it ended or with a new budget.
    `running`: a process runs the session, and the document tells of it as far as it came.
    `fixes` is the answer of a session that looked for what heals; `cells` is empty then.
    `repro` is the answer of a session that searched for nothing; `cells` is empty then.
    `confirmation` tells what became of reverting the culprits, null where it was not asked or none is named.
    `failures` has one for every culprit and every signature, and `failure` is the first of them.
    `check` is the command with the user's scripts that it names, null for a scenario; `withheld` are
    variables that the check of a failure did not get, and `shadows` what may hide the commits from it.
    `find` says what was looked for: the first bad commit after `good`, or the first good one after `bad`.
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
    check: CommandCheck | None = None
    withheld: tuple[str, ...] = ()
    shadows: tuple[ShadowReport, ...] = ()
    trials: tuple[TrialReport, ...]
    load: tuple[LoadContrast, ...] = ()
    cost: Cost
    versions: dict[str, str]

    @property
    def unfinished(self) -> bool:
        """Whether the session is not over: it runs, or can be resumed."""
        return self.running or self.resumable

    def to_json(self) -> str:
        """The document as indented JSON text, in ASCII: no terminal and no encoding can misread it."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)
