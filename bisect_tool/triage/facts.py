"""What triage found: the models of its JSON document. Every fact has a certainty and a source."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Certainty = Literal["stated", "derived", "guess"]
"""The page says so without a reservation; it follows from what it says; it has to be checked."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Source(_Model):
    """The sentence of the page that a fact comes from, and its place."""

    place: str
    text: str


class Fact(_Model):
    """A value, how certain it is, and how that is known."""

    value: str
    certainty: Certainty
    reason: str
    source: Source


class Commit(Fact):
    """A commit by its full or abbreviated id; `subject` is known from a repository."""

    subject: str = ""


class Build(Fact):
    """A build of a CI service; `value` is its number.

    Attributes:
        pipeline: `organisation/pipeline` on Buildkite, `owner/name` for a run of GitHub Actions, or empty.
        service: which of the two, or empty.
        state: `passed`, `failed` or empty.
        commit: the commit that it built, or empty.
        job: the id of the job that a link points to; `step` of a step.
    """

    service: Literal["buildkite", "github", ""] = ""
    pipeline: str = ""
    state: Literal["passed", "failed", ""] = ""
    commit: str = ""
    job: str = ""
    step: str = ""


class End(_Model):
    """One end of the range: a commit, or what else is known of it.

    `date` is ISO 8601. An end without a commit cannot be bisected from yet.
    """

    commit: Commit | None = None
    build: Build | None = None
    date: Fact | None = None


class Suspect(_Model):
    """A change that the failure is blamed on."""

    pull: int | None
    commit: str
    certainty: Certainty
    reason: str
    source: Source
    subject: str = ""
    in_range: bool | None = None


FixRole = Literal["trial", "revert", "reland", "fix"]


class FixCandidate(_Model):
    """A pull request that is about ending the failure.

    Attributes:
        role: `trial`: opened only to see what CI says; `reland`: of what was reverted; `fix`: any other.
        landed: whether it is on the main branch; None where the page does not say.
        reverts: the pull requests that it takes back.
        reapplies: the pull requests that it brings again.
        commit: the commit on the main branch, or empty.
    """

    pull: int
    title: str
    role: FixRole
    landed: bool | None
    landed_source: Source | None
    reverts: tuple[int, ...]
    reapplies: tuple[int, ...]
    commit: str
    certainty: Certainty
    reason: str
    source: Source


class FailingTest(Fact):
    """A test; `value` is its id as the page has it. `file` is empty where no file is known."""

    file: str = ""
    name: str = ""


class Reference(Fact):
    """An issue or a pull request that the page links; `value` is `#N` or `owner/name#N`."""

    kind: Literal["pull", "issue", "either"] = "either"


class Excerpt(_Model):
    """The error that the page quotes, as the log reader understands it."""

    headline: str
    signature: str
    symptom: bool
    text: str
    certainty: Certainty
    source: Source


class Missing(_Model):
    """Something that the page does not say, and the calls that find it."""

    what: str
    calls: tuple[str, ...]


class Command(_Model):
    """A command to run next; `ready` is false while it has a placeholder such as GOOD."""

    name: Literal["run", "fixes", "explain"]
    purpose: str
    argv: str
    ready: bool


class Triage(_Model):
    """Everything that was found; the document of `triage --json`."""

    schema_version: int = Field(default=1, serialization_alias="schema")
    command: Literal["triage"] = "triage"
    title: str
    project: str
    issue: int | None
    good: End
    bad: End
    suspects: tuple[Suspect, ...]
    fix_candidates: tuple[FixCandidate, ...]
    ended_by: int | None
    final: int | None
    tests: tuple[FailingTest, ...]
    test_commands: tuple[Fact, ...]
    builds: tuple[Build, ...]
    commits: tuple[Commit, ...]
    references: tuple[Reference, ...]
    dates: tuple[Fact, ...]
    notes: tuple[Fact, ...]
    error: Excerpt | None
    missing: tuple[Missing, ...]
    commands: tuple[Command, ...]

    @property
    def has_ends(self) -> bool:
        """Whether the commits of both ends are known."""
        return self.good.commit is not None and self.bad.commit is not None
