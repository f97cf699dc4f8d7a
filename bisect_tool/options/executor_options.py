"""The options that say where trials run: on this machine, on a Ray cluster, or as jobs in your CI."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from bisect_tool.executor_names import ExecutorName
from bisect_tool.options.shared_options import Branch, ExcludeEnv, Pipeline, Repository, Workflow

if TYPE_CHECKING:
    from bisect_tool.executor_names import CiService


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """Where trials run, for commands that need no CI service."""

    executor: Annotated[
        ExecutorName,
        typer.Option(
            "--executor", help="Run trials on this machine, on a Ray cluster, or as jobs of a CI service."
        ),
    ] = "local"
    address: Annotated[
        str,
        typer.Option("--address", metavar="ADDRESS", help="HOST:PORT of the Ray cluster's head node."),
    ] = "auto"

    @property
    def ci_service(self) -> CiService | None:
        """The CI service whose jobs the trials are; None if they are no jobs."""
        match self.executor:
            case "local" | "ray":
                return None
            case "buildkite" | "github" as service:
                return service
            case name:
                assert_never(name)

    @property
    def elsewhere(self) -> bool:
        """Whether trials run on other machines."""
        return self.executor != "local"


@dataclass(frozen=True, kw_only=True)
class ExecutorOptions(MachineOptions):
    """Where trials run, or which job of CI they are; the tokens of CI services come from the environment."""

    pipeline: Pipeline = ""
    repository: Repository = ""
    workflow: Workflow = ""
    ci_input: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="NAME",
            help="The GitHub workflow input that receives the commit when a run is dispatched; without it, "
            "dispatched runs are not found.",
        ),
    ] = ""
    job: Annotated[
        str,
        typer.Option("--job", metavar="PATTERN", help="The CI job; `*` matches any text, `?` one character."),
    ] = ""
    branch: Branch = "main"
    exclude_env: ExcludeEnv = ()
    allow_builds: Annotated[
        bool,
        typer.Option("--allow-builds", help="Start a build on Buildkite if a commit has none."),
    ] = False
    cancel_jobs: Annotated[
        bool,
        typer.Option(
            "--cancel-jobs",
            help="When interrupted, cancel the started CI jobs without asking; on Buildkite, only those in "
            "builds that --allow-builds started.",
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what a trial of each commit would start in CI, and exit."),
    ] = False


FIELDS = frozenset(field.name for field in fields(ExecutorOptions))
