"""Reject options that the chosen executor needs and lacks, does not take, or cannot honour."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, assert_never, get_args

from bisect_tool.errors import UsageError
from bisect_tool.executor_names import NO_FIXES_IN_CI, NO_RAY, ExecutorName
from bisect_tool.options.executor_options import FIELDS, ExecutorOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.options.executor_options import MachineOptions


@dataclass(frozen=True)
class _Rules:
    """The options of `ExecutorOptions` that an executor takes and needs.

    `cannot` are the options of other models that it cannot honour, with the reason.
    """

    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    cannot: Mapping[str, str] = field(default_factory=dict)


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
_RAY = _Rules(
    takes=("address",),
    cannot={
        "gpus": "--gpus is for GPUs of this machine: Ray chooses its own",
        "share_gpu": "--share-gpu is for GPUs of this machine: Ray chooses its own",
    },
)
_BUILDKITE = _Rules(
    takes=("pipeline", "job", "branch", "exclude_env", "allow_builds", "cancel_jobs", "dry_run"),
    needs=("pipeline", "job"),
    cannot=_CI_CANNOT,
)
_GITHUB = _Rules(
    takes=("repository", "workflow", "ci_input", "job", "branch", "cancel_jobs", "dry_run"),
    needs=("workflow", "job"),
    cannot=_CI_CANNOT,
)
_FLAGS = {"ci_input": "--input"}


def validate_executor(options: MachineOptions) -> None:
    """Raise UsageError for options that do not go with the executor, or if its package is missing."""
    name, rules = options.executor, _rules(options.executor)
    if options.ci_service and not isinstance(options, ExecutorOptions):
        raise UsageError(*NO_FIXES_IN_CI)
    for option in sorted(FIELDS - {"executor", *rules.takes}):
        default = getattr(ExecutorOptions, option)
        if getattr(options, option, default) != default:
            takers = " or ".join(other for other in get_args(ExecutorName) if option in _rules(other).takes)
            raise UsageError(
                f"{_flag(option)} needs --executor {takers}", f"Add it, or remove {_flag(option)}."
            )
    for option in rules.needs:
        if not getattr(options, option):
            raise UsageError(f"--executor {name} needs {_flag(option)}", f"Add {_flag(option)}.")
    if name == "ray" and find_spec("ray") is None:
        raise UsageError(*NO_RAY)
    if getattr(options, "dry_run", False) and getattr(options, "as_json", False):
        raise UsageError("--dry-run prints no JSON document", "Remove --json or --dry-run.")
    defaults = {each.name: each.default for each in fields(options)}
    for option, reason in rules.cannot.items():
        value = getattr(options, option, None)
        if value and value != defaults[option]:
            raise UsageError(reason, "Remove it, or remove --executor.")


def _rules(name: ExecutorName) -> _Rules:
    match name:
        case "local":
            return _Rules()
        case "ray":
            return _RAY
        case "buildkite":
            return _BUILDKITE
        case "github":
            return _GITHUB
        case _:
            assert_never(name)


def _flag(option: str) -> str:
    return _FLAGS.get(option, f"--{option.replace('_', '-')}")
