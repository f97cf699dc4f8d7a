"""The options of each command that runs a session, as parsed.

A dataclass collects the fields of its bases from last to first, which is their order in `--help`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import typer

from bisect_tool.options.executor_options import ExecutorOptions, MachineOptions
from bisect_tool.options.shared_options import (
    AsJson,
    BudgetMinutes,
    CheckOptions,
    Confidence,
    Confirm,
    NoPriors,
    Slots,
    TrialOptions,
)


@dataclass(frozen=True, kw_only=True)
class EndOptions:
    """The two ends of the range; if one is not given, a walk finds it."""

    good: Annotated[
        tuple[str, ...],
        typer.Option(
            "--good",
            metavar="REV",
            help="A commit where the tests pass; may be repeated. [default: one is searched for]",
        ),
    ] = ()
    bad: Annotated[
        str | None, typer.Option("--bad", metavar="REV", help="A commit where the tests fail.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What to search for, with which confidence, and at which cost."""

    first_parent: Annotated[
        bool, typer.Option("--first-parent", help="Follow only the first parent of merge commits.")
    ] = False
    find: Annotated[
        Literal["regression", "fix"],
        typer.Option(
            "--find", help="Find the first bad commit or, with `fix`, the first good commit after --bad."
        ),
    ] = "regression"
    endpoint_runs: Annotated[
        int,
        typer.Option(
            "--endpoint-runs",
            metavar="N",
            min=1,
            help="Number of runs of --bad after which a cell that has not failed counts as passing.",
        ),
    ] = 2
    confidence: Confidence = 0.95
    budget_trials: Annotated[
        int | None,
        typer.Option(
            "--budget-trials",
            metavar="N",
            min=1,
            help="Stop after N trials and list the remaining candidates.",
        ),
    ] = None
    budget_minutes: BudgetMinutes = None
    slots: Slots = None
    no_priors: NoPriors = False
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore results from earlier sessions.")] = False
    confirm: Confirm = None
    same_failure: Annotated[
        bool,
        typer.Option(
            "--same-failure", help="Skip commits where the command fails differently than at --bad."
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class KnownResultOptions:
    """Existing results of the cells."""

    results: Annotated[
        tuple[str, ...],
        typer.Option(
            "--results",
            metavar="PATTERN",
            help="JUnit XML files of earlier runs, used to estimate failure rates; may be repeated.",
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrialOptions, KnownResultOptions, ExecutorOptions, SearchOptions, CheckOptions, EndOptions):
    """The options of `run`."""

    NAME: ClassVar[str] = ""

    as_json: AsJson = False

    @property
    def rev(self) -> str:
        """The commit that is run first."""
        return self.bad or self.good[0]


@dataclass(frozen=True, kw_only=True)
class PlanOptions(RunOptions):
    """The options of `plan`, which searches for neither end."""

    good: Annotated[
        tuple[str, ...],
        typer.Option(
            "--good", metavar="REV", help="A commit where the tests pass; may be repeated. [required]"
        ),
    ] = ()
    bad: Annotated[
        str | None, typer.Option("--bad", metavar="REV", help="A commit where the tests fail. [required]")
    ] = None


@dataclass(frozen=True, kw_only=True)
class SlotOptions:
    """How many trials run in parallel."""

    slots: Slots = None


@dataclass(frozen=True, kw_only=True)
class RepetitionOptions:
    """Which commit to run repeatedly, how often, and under which load."""

    rev: Annotated[str, typer.Argument(metavar="REV", help="The commit to run.")]
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=1, help="Number of runs; with --compare, per commit.")
    ] = 20
    until_fail: Annotated[bool, typer.Option("--until-fail", help="Stop after the first failing run.")] = (
        False
    )
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="REV2",
            help="Alternate with runs of this commit and compare the failure rates.",
        ),
    ] = None
    stress: Annotated[
        Literal["cpu", "memory", "delay"] | None,
        typer.Option("--stress", help="Put the machine under load, or delay processes, to provoke races."),
    ] = None
    stress_role: Annotated[
        tuple[str, ...],
        typer.Option(
            "--stress-role",
            metavar="ROLE",
            help="Process role that --stress delay pauses, such as Worker; may be repeated.",
        ),
    ] = ()
    script: Annotated[
        str | None,
        typer.Option(
            "--script", metavar="FILE", help="Write a bash script that does the same without bisect-run."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReproOptions(TrialOptions, ExecutorOptions, SlotOptions, CheckOptions, RepetitionOptions):
    """The options of `repro`."""

    NAME: ClassVar[str] = "repro"

    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class CandidateOptions:
    """The failing commit, and the fix candidates to try."""

    at: Annotated[str, typer.Option("--at", metavar="REV", help="The failing commit.")]
    revert: Annotated[
        tuple[str, ...],
        typer.Option(
            "--revert", metavar="REV|PR", help="Revert this commit or pull request; may be repeated."
        ),
    ] = ()
    apply: Annotated[
        tuple[str, ...], typer.Option("--apply", metavar="FILE", help="Apply this patch; may be repeated.")
    ] = ()
    pick: Annotated[
        tuple[str, ...],
        typer.Option("--pick", metavar="REV", help="Cherry-pick this commit; may be repeated."),
    ] = ()
    verify: Annotated[
        tuple[str, ...],
        typer.Option(
            "--verify", metavar="REV|PR", help="Also run this commit or merged PR unchanged; may be repeated."
        ),
    ] = ()
    runs: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", min=1, help="Passing runs required before a cell counts as fixed."
        ),
    ] = 2


@dataclass(frozen=True, kw_only=True)
class FixesOptions(TrialOptions, MachineOptions, SlotOptions, CheckOptions, CandidateOptions):
    """The options of `fixes`."""

    NAME: ClassVar[str] = "fixes"

    as_json: AsJson = False

    @property
    def rev(self) -> str:
        """The failing commit."""
        return self.at

    @property
    def names_any(self) -> bool:
        """Whether any candidate is named."""
        return bool(self.revert or self.apply or self.pick or self.verify)


@dataclass(frozen=True, kw_only=True)
class CommitOptions:
    """The commit to test."""

    rev: Annotated[str, typer.Option("--rev", metavar="REV", help="The commit to test.")] = "HEAD"


@dataclass(frozen=True, kw_only=True)
class StepOptions(TrialOptions, CheckOptions, CommitOptions):
    """The options of `step`."""

    NAME: ClassVar[str] = "step"
    slots: ClassVar[int] = 1

    signature: Annotated[
        str,
        typer.Option(
            "--signature",
            metavar="TEXT",
            help="Exit with 1 only if the failure's signature, or a command's output, contains this text.",
        ),
    ] = ""


SessionOptions: TypeAlias = RunOptions | ReproOptions | FixesOptions | StepOptions
