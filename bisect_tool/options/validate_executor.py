"""Reject options that the chosen executor needs and lacks, does not take, or cannot honour."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.executor_names import NO_RAY
from bisect_tool.options.executor_options import FIELDS, ExecutorOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.executor_names import ExecutorName
    from bisect_tool.options.executor_options import MachineOptions

_TAKES: Mapping[ExecutorName, tuple[str, ...]] = {
    "local": (),
    "ray": ("address",),
    "buildkite": ("pipeline", "job", "branch", "exclude_env", "allow_builds", "cancel_jobs", "dry_run"),
    "github": ("repository", "workflow", "ci_input", "job", "branch", "cancel_jobs", "dry_run"),
}
"""The options of `ExecutorOptions` that each executor takes."""
_NEEDS: Mapping[ExecutorName, tuple[str, ...]] = {
    "local": (),
    "ray": (),
    "buildkite": ("pipeline", "job"),
    "github": ("workflow", "job"),
}
_IN_CI = "a CI job runs all of its tests as its step defines: "
_CI_CANNOT = {
    "command": _IN_CI + "a command after -- runs on this machine only",
    "scenario": _IN_CI + "--scenario runs on this machine only",
    "profile": _IN_CI + "--profile runs on this machine only",
    "pytest": _IN_CI + "--pytest runs on this machine only",
    "confirm": "--confirm needs trials on this machine: CI has no build of a revert",
    "results": "--results is not needed: the results that CI has are used",
    "pass_env": "--pass-env has no effect in CI",
    "wheel_url": "--wheel-url has no effect in CI, which has its own builds",
    "gpus": "--gpus chooses GPUs of this machine: CI chooses its own",
    "share_gpu": "--share-gpu has no effect in CI",
    "deadline": "--deadline limits commands on this machine: a job of CI has the time limit of its step",
    "stress": "--stress puts this machine under load, not the machines of CI",
    "script": "--script reproduces trials of this machine, not jobs of CI",
}
_CANNOT: Mapping[ExecutorName, Mapping[str, str]] = {
    "local": {},
    "ray": {
        "gpus": "--gpus is for GPUs of this machine: Ray chooses its own",
        "share_gpu": "--share-gpu is for GPUs of this machine: Ray chooses its own",
    },
    "buildkite": _CI_CANNOT,
    "github": _CI_CANNOT,
}
"""The options of other models that each executor cannot honour, with the reason."""
_FLAGS = {"ci_input": "--input"}
_PUSH_HINT = "push a candidate as a branch, and run `bisect-run repro BRANCH --branch BRANCH --executor ...`"
NO_FIXES_IN_CI = (
    "CI has no build of a commit with a revert, patch or pick: `fixes` runs here or on a Ray cluster",
    f"Remove the options of CI; or {_PUSH_HINT}.",
)


def validate_executor(options: MachineOptions) -> None:
    """Raise UsageError for options that do not go with the executor, or if its package is missing."""
    name = options.executor
    if options.in_ci and not isinstance(options, ExecutorOptions):
        raise UsageError(*NO_FIXES_IN_CI)
    for field in sorted(FIELDS - {"executor", *_TAKES[name]}):
        default = getattr(ExecutorOptions, field)
        if getattr(options, field, default) != default:
            takers = " or ".join(other for other, taken in _TAKES.items() if field in taken)
            raise UsageError(
                f"{_flag(field)} needs --executor {takers}", f"Add it, or remove {_flag(field)}."
            )
    for field in _NEEDS[name]:
        if not getattr(options, field):
            raise UsageError(f"--executor {name} needs {_flag(field)}", f"Add {_flag(field)}.")
    if name == "ray" and find_spec("ray") is None:
        raise UsageError(*NO_RAY)
    if getattr(options, "dry_run", False) and getattr(options, "as_json", False):
        raise UsageError("--dry-run prints no JSON document", "Remove --json or --dry-run.")
    defaults = {each.name: each.default for each in fields(options)}
    for field, reason in _CANNOT[name].items():
        value = getattr(options, field, None)
        if value and value != defaults[field]:
            raise UsageError(reason, "Remove it, or remove --executor.")


def _flag(field: str) -> str:
    return _FLAGS.get(field, f"--{field.replace('_', '-')}")
