"""Resolve the options of a mode (its commits and output file), and the range of commits."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bisect_tool.errors import UsageError
from bisect_tool.git import Range, Repository
from bisect_tool.mode import Bisect, Budget, Fixes, Repro, Step, Walk
from bisect_tool.options.resolve_results import resolve_results
from bisect_tool.options.run_options import (
    FixesOptions,
    ReproOptions,
    RunOptions,
    SearchOptions,
    StepOptions,
)
from bisect_tool.options.validate import require_text
from bisect_tool.planner.walk import walk_stops
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.mode import Mode
    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.request import Request


_HISTORY = 10_000_000


def resolve_mode(
    options: SessionOptions,
    repository: Repository,
    rev: str,
    command: Literal["run", "demo"],
    notice: Callable[[str], None],
) -> tuple[Mode, str]:
    """Return the mode, and the request's `bad`: `rev`, or the passing end if a fix is searched for."""
    match options:
        case RunOptions():
            if not options.good or options.bad is None:
                return _walk(options, repository, notice), rev
            mode = _bisect(options, repository, command, notice)
            if mode.find == "regression":
                return mode, rev
            if len(mode.goods) != 1:
                raise UsageError(
                    "--find fix takes a single --good", "Use the commit where the tests pass again."
                )
            return mode.model_copy(update={"goods": (rev,)}), mode.goods[0]
        case ReproOptions():
            return _repro(options, repository, rev), rev
        case FixesOptions():
            return Fixes(runs=options.runs), rev
        case StepOptions():
            return Step(), rev


def _bisect(
    options: RunOptions,
    repository: Repository,
    command: Literal["run", "demo"],
    notice: Callable[[str], None],
) -> Bisect:
    goods = tuple(dict.fromkeys(repository.resolve(good) for good in options.good))
    return Bisect(command=command, goods=goods, **_settings(options, repository, notice))


def _walk(options: RunOptions, repository: Repository, notice: Callable[[str], None]) -> Walk:
    return Walk(**_settings(options, repository, notice))


def _settings(options: RunOptions, repository: Repository, notice: Callable[[str], None]) -> dict[str, Any]:
    """The settings that bisections and walks share: options by the same names, and those made of others."""
    names = {field.name for field in fields(SearchOptions)} & Walk.model_fields.keys()
    return {
        **{name: getattr(options, name) for name in names},
        "budget": Budget(trials=options.budget_trials, minutes=options.budget_minutes),
        "priors": not options.no_priors,
        "observations": resolve_results(options.results, repository, notice),
    }


def _repro(options: ReproOptions, repository: Repository, rev: str) -> Repro:
    against = repository.resolve(options.compare) if options.compare else None
    if against == rev:
        raise UsageError(
            f"--compare {clean_line(options.compare or '')} is the same commit as REV: {rev[:12]}",
            "Use another commit, or remove --compare.",
        )
    if against and options.until_fail:
        raise UsageError(
            "--until-fail and --compare cannot be used together: both commits need the same number of runs",
            "Use only one of them.",
        )
    if options.stress_role and options.stress != "delay":
        raise UsageError("--stress-role needs --stress delay", "Add --stress delay, or remove --stress-role.")
    if not all(re.fullmatch(r"\w+", role) for role in options.stress_role):
        raise UsageError(
            "--stress-role must be a process role, such as Worker", "Use only letters, digits and _."
        )
    return Repro(
        runs=options.runs,
        until_fail=options.until_fail,
        against=against,
        script=_script(options.script),
        stress=options.stress,
        stress_roles=options.stress_role,
    )


def _script(requested: str | None) -> str | None:
    """The absolute path of a writable file: a session may be resumed in another folder."""
    if requested is None:
        return None
    require_text(requested)
    path = Path(requested).absolute()
    target = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(target, os.W_OK):
        raise UsageError(
            f"cannot write --script {clean_line(requested)}", "Use a file in an existing directory."
        )
    return str(path)


def span_of(request: Request, repository: Repository) -> Range:
    """Return the range of a request; raises UsageError if there is no commit between its ends."""
    mode = request.mode
    if isinstance(mode, Bisect):
        try:
            return repository.range(mode.goods, request.bad, mode.first_parent)
        except UsageError:
            if mode.find != "fix":
                raise
            raise UsageError(
                f"no commits from --bad {mode.goods[0][:12]} to --good {request.bad[:12]}",
                "With --find fix, --bad must be an ancestor of --good.",
            ) from None
    if isinstance(mode, Walk):
        most = _HISTORY if mode.limit is None else mode.limit + 1
        stops = walk_stops(repository.first_parents(request.bad, most))
        return Range((), request.bad, tuple(repository.commit(sha) for sha in reversed(stops)))
    against = (mode.against,) if isinstance(mode, Repro) and mode.against else ()
    return Range((), request.bad, tuple(repository.commit(sha) for sha in (*against, request.bad)))
