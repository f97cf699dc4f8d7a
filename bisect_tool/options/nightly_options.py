"""The options of `nightly`, as parsed for one watch from a command line or a configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from bisect_tool.ci_results.service_names import SourceName
from bisect_tool.options.delivery_options import DeliveryOptions
from bisect_tool.options.shared_options import (
    AsJson,
    Branch,
    BudgetMinutes,
    CheckOptions,
    Confidence,
    Confirm,
    ExcludeEnv,
    Pipeline,
    Repository,
    Slots,
    TrialOptions,
    Workflow,
)


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """Which watches, and the branch that each of them follows."""

    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The configuration file (TOML). "
            "[default: bisect-run.toml, else [tool.bisect-run] in pyproject.toml]",
        ),
    ] = None
    watch: Annotated[
        tuple[str, ...],
        typer.Option(
            "--watch",
            metavar="NAME",
            help="Run only this watch ([watch.NAME] in the configuration file); may be repeated.",
        ),
    ] = ()
    ref: Annotated[str, typer.Option("--ref", metavar="REF", help="The branch or commit to follow.")] = "HEAD"


@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """Where existing results are read from; without these options, the check runs at the ref."""

    results: Annotated[
        tuple[str, ...],
        typer.Option(
            "--results",
            metavar="PATTERN",
            help="JUnit XML of earlier runs: a pattern, file, directory, archive or URL; may be repeated.",
        ),
    ] = ()
    source: Annotated[
        SourceName | None,
        typer.Option("--source", help="Read results from this CI service."),
    ] = None
    pipeline: Pipeline = ""
    repository: Repository = ""
    workflow: Workflow = ""
    job: Annotated[
        str,
        typer.Option(
            "--job", metavar="REGEX", help="Use only jobs whose whole name matches this regular expression."
        ),
    ] = ""
    branch: Branch = "main"
    message: Annotated[
        str,
        typer.Option(
            "--message",
            metavar="REGEX",
            help="Use only builds whose message starts with a match for this regular expression.",
        ),
    ] = ""
    trigger: Annotated[
        tuple[str, ...],
        typer.Option(
            "--trigger",
            metavar="NAME",
            help="Use only builds started this way, such as `schedule`; may be repeated.",
        ),
    ] = ()
    exclude_env: ExcludeEnv = ()
    compare_env: Annotated[
        tuple[str, ...],
        typer.Option(
            "--compare-env",
            metavar="NAME",
            help="Compare only builds with the same value of this environment variable; may be repeated.",
        ),
    ] = ()
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=365, help="Read builds from the last N days.")
    ] = 30

    @property
    def observes(self) -> bool:
        """Whether existing results are read, instead of running the check."""
        return bool(self.results or self.source)


@dataclass(frozen=True, kw_only=True)
class BisectionOptions:
    """How a bisection is run."""

    confidence: Confidence = 0.95
    budget_minutes: BudgetMinutes = None
    slots: Slots = None
    confirm: Confirm = None


@dataclass(frozen=True, kw_only=True)
class NightlyOptions(
    TrialOptions, DeliveryOptions, BisectionOptions, CheckOptions, ResultOptions, WatchOptions
):
    """The options of `nightly`."""

    NAME: ClassVar[str] = "nightly"

    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done and why, without doing it.")
    ] = False
    as_json: AsJson = False
