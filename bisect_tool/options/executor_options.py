"""The options that say where trials run: on this machine, on a Ray cluster, or as jobs in your CI."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Annotated, Literal

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options.shared_options import Branch, ExcludeEnv, Pipeline, Repository, Workflow


@dataclass(frozen=True, kw_only=True)
class ExecutorOptions:
    """Where trials run; the tokens of CI services come from the environment."""

    executor: Annotated[
        Literal["local", "ray", "buildkite", "github"],
        typer.Option(
            "--executor", help="Run trials on this machine, on a Ray cluster, or as jobs of a CI service."
        ),
    ] = "local"
    address: Annotated[
        str,
        typer.Option("--address", metavar="ADDRESS", help="The Ray cluster: HOST:PORT of its head node."),
    ] = "auto"
    pipeline: Pipeline = ""
    repository: Repository = ""
    workflow: Workflow = ""
    ci_input: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="NAME",
            help="The workflow input that receives the commit when a run is dispatched.",
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
            "--cancel-jobs", help="When interrupted, cancel the jobs in CI without asking, where possible."
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the calls that would start CI jobs, and exit."),
    ] = False

    @property
    def in_ci(self) -> bool:
        """Whether trials are jobs of a CI service."""
        return self.executor in _REQUIRED

    @property
    def on_ray(self) -> bool:
        """Whether trials run on a Ray cluster."""
        return self.executor == "ray"


FIELDS = frozenset(field.name for field in fields(ExecutorOptions))
_REQUIRED = {"buildkite": ("pipeline", "job"), "github": ("workflow", "job")}
_REJECTED = {
    "buildkite": ("repository", "workflow", "ci_input"),
    "github": ("pipeline", "exclude_env", "allow_builds"),
}
_NOT_FOR_CI = frozenset({"executor", "address"})
_FLAGS = {"ci_input": "--input"}
NO_RAY = ("--executor ray needs the package ray", "pip install 'bisect-run[ray]'")


def validate_executor(options: ExecutorOptions) -> None:
    """Raise UsageError for options that the executor does not support."""
    _validate_ray(options)
    if not options.in_ci:
        given = [name for name in FIELDS - _NOT_FOR_CI if getattr(options, name) != _default(name)]
        if given:
            raise UsageError(
                f"{_flag(min(given))} needs --executor buildkite or github", "Add it, or remove the option."
            )
        return
    for name in _REQUIRED[options.executor]:
        if not getattr(options, name):
            raise UsageError(f"--executor {options.executor} needs {_flag(name)}", f"Add {_flag(name)}.")
    for name in _REJECTED[options.executor]:
        if getattr(options, name) != _default(name):
            raise UsageError(f"{_flag(name)} is not an option of --executor {options.executor}", "Remove it.")


def _validate_ray(options: ExecutorOptions) -> None:
    if not options.on_ray and options.address != _default("address"):
        raise UsageError("--address needs --executor ray", "Add it, or remove the option.")
    if options.on_ray and find_spec("ray") is None:
        raise UsageError(*NO_RAY)


def _default(name: str) -> object:
    return next(field.default for field in fields(ExecutorOptions) if field.name == name)


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")
