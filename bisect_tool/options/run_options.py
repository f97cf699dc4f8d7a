"""The parsed options of a run, and the rerun command line made from a request."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bisect_tool.request import CommandCheck, ProjectCheck, PytestCheck, targets

if TYPE_CHECKING:
    from bisect_tool.request import Check, Fixes, Repetition, Request


@dataclass(frozen=True)
class RunOptions:
    """What was written on the command line, unresolved; without `goods` it is about one commit alone.

    With `runs` that commit is run so often, and so is `compare` in turn with it.
    """

    goods: tuple[str, ...]
    bad: str
    repo: str | None = None
    scenario: str | None = None
    profile: str | None = None
    pytest: tuple[str, ...] = ()
    pytest_args: str | None = None
    python: str | None = None
    tests_from: str | None = None
    command: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    first_parent: bool = False
    find: Literal["regression", "fix"] = "regression"
    endpoint_runs: int = 2
    confidence: float = 0.95
    budget_trials: int | None = None
    budget_minutes: float | None = None
    slots: int = 1
    priors: bool = True
    fresh: bool = False
    confirm: Literal["revert"] | None = None
    same_failure: bool = False
    deadline_s: float = 3600.0
    pass_env: tuple[str, ...] = ()
    runs: int | None = None
    until_fail: bool = False
    compare: str | None = None
    script: str | None = None
    stress: Literal["cpu", "memory", "delay"] | None = None
    stress_roles: tuple[str, ...] = ()


_DEFAULTS = RunOptions(goods=(), bad="")


def rerun(options: RunOptions, request: Request) -> str:
    """The command line that runs the same bisection again, quoted for a shell."""
    if request.goods:
        parts = ["bisect-run", "--repo", request.repo]
        fix = request.find == "fix"
        goods, bad = ((request.bad,), request.goods[0]) if fix else (request.goods, request.bad)
        parts += [part for good in goods for part in ("--good", good[:12])]
        parts += ["--bad", bad[:12]]
    elif request.fixes:
        parts = ["bisect-run", "fixes", "--repo", request.repo, "--at", request.bad[:12]]
        parts += _fixes_options(request.fixes)
        parts += ["--runs", str(request.endpoint_runs)]
        parts += ["--slots", str(request.slots)] if request.slots > 1 else []
    elif request.repetition:
        parts = ["bisect-run", "repro", request.bad[:12], "--repo", request.repo]
        parts += _repetition_options(request.repetition)
        parts += ["--slots", str(request.slots)] if request.slots > 1 else []
    else:
        parts = ["bisect-run", "step", "--repo", request.repo, "--rev", request.bad[:12]]
    parts += ["--first-parent"] if options.first_parent else []
    parts += ["--scenario", request.scenario] if request.scenario else []
    parts += ["--profile", request.profile] if request.profile else []
    parts += _pytest_options(request.check)
    parts += [part for cell in options.cells for part in ("--cells", cell)]
    parts += _search_options(options) if request.goods else []
    parts += ["--deadline", f"{options.deadline_s:g}"] if options.deadline_s != _DEFAULTS.deadline_s else []
    parts += [part for name in options.pass_env for part in ("--pass-env", name)]
    parts += ["--", *request.check.argv] if isinstance(request.check, CommandCheck) else []
    return shlex.join(parts)


def with_good(again: str, sha: str) -> str:
    """A command line that runs a bisection again, from another good end."""
    words = shlex.split(again)
    end = words.index("--") if "--" in words else len(words)
    named = [place for place in range(end) if words[place] == "--good"]
    kept = [word for place, word in enumerate(words) if not {place, place - 1} & {*named}]
    return shlex.join([*kept[: named[0]], "--good", sha, *kept[named[0] :]])


def _pytest_options(check: Check) -> list[str]:
    parts = [part for target in targets(check) for part in ("--pytest", target)]
    if isinstance(check, ProjectCheck):
        parts += ["--pytest-args", shlex.join(check.args)] if check.args else []
        parts += ["--python", check.python] if check.python else []
    pinned = check.tests_from if isinstance(check, ProjectCheck | PytestCheck) else None
    return parts + (["--tests-from", pinned[:12]] if pinned else [])


def _repetition_options(asked: Repetition) -> list[str]:
    parts = ["--runs", str(asked.runs)] + (["--until-fail"] if asked.until_fail else [])
    parts += ["--compare", asked.against[:12]] if asked.against else []
    parts += ["--stress", asked.stress] if asked.stress else []
    return parts + [part for role in asked.stress_roles for part in ("--stress-role", role)]


def _fixes_options(asked: Fixes) -> list[str]:
    named = ((f"--{each.kind}", each.commit[:12] or each.path) for each in asked.candidates)
    return [word for pair in (*named, *(("--verify", sha[:12]) for sha in asked.verify)) for word in pair]


def _search_options(options: RunOptions) -> list[str]:
    """What was asked of the search, where it is not what is usual."""
    names = ("find", "endpoint_runs", "confidence", "budget_trials", "budget_minutes", "slots", "confirm")
    said = {name: getattr(options, name) for name in names}
    parts = [
        part
        for name, value in said.items()
        if value != getattr(_DEFAULTS, name)
        for part in (f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value))
    ]
    flags = {
        "--no-priors": not options.priors,
        "--fresh": options.fresh,
        "--same-failure": options.same_failure,
    }
    return parts + [flag for flag, given in flags.items() if given]
