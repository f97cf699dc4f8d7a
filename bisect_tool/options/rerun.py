"""Build the command line that repeats a request, with every name resolved."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bisect_tool.mode import Bisect, Fixes, Repro, Walk
from bisect_tool.options.declared_options import to_arguments
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions, StepOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.request import Request

_SHORT = 12
_Options = TypeVar("_Options", RunOptions, ReproOptions, FixesOptions, StepOptions)
_InCi = TypeVar("_InCi", RunOptions, ReproOptions)


def rerun(options: SessionOptions, request: Request) -> str:
    """The command line that repeats a request, with commit ids instead of refs."""
    return command_line(_pinned(options, request))


def command_line(options: SessionOptions) -> str:
    """The command line that gives these options, quoted for a shell."""
    return shlex.join(["bisect-run", *([options.NAME] if options.NAME else []), *to_arguments(options)])


def with_check_of(options: _Options, request: Request) -> _Options:
    """The options with the repository, scenario, profile and check of a request."""
    check = request.check
    return replace(
        options,
        repo=request.repo,
        scenario=request.scenario,
        profile=request.profile,
        wheel_url=request.wheel_url,
        pytest=check.test_targets,
        pytest_args=shlex.join(check.pytest_options) if check.pytest_options else None,
        python=check.interpreter,
        tests_from=check.pinned_to[:_SHORT] if check.pinned_to else None,
        command=check.command,
    )


def _with_job(options: _InCi, request: Request) -> _InCi:
    """The options with the GitHub repository of a CI job, which may come from the environment."""
    job = request.check.as_job
    return replace(options, repository=job.repository) if job else options


def with_good(command_line: str, sha: str) -> str:
    """The command line of a bisection with another good end."""
    line = shlex.split(command_line)
    end = line.index("--") if "--" in line else len(line)
    named = [index for index in range(end) if line[index] == "--good"]
    remaining = [word for index, word in enumerate(line) if not {index, index - 1} & {*named}]
    index = named[0] if named else 1
    return shlex.join([*remaining[:index], "--good", sha, *remaining[index:]])


def with_found_end(command_line: str, sha: str, *, fix: bool) -> str:
    """The command line of the bisection that follows a walk, with the end that the walk found."""
    if not command_line:
        return ""
    return (
        with_good(command_line, sha)
        if not fix
        else shlex.join([*(line := shlex.split(command_line))[:1], "--bad", sha, *line[1:]])
    )


def _pinned(options: SessionOptions, request: Request) -> SessionOptions:
    """The options with commit ids and absolute paths, without `--json` and `--script`."""
    mode = request.mode
    if isinstance(options, RunOptions):
        goods, bad = _ends(request)
        results = tuple(map(os.path.abspath, options.results))
        pinned = replace(
            options, good=_short(goods), bad=bad and bad[:_SHORT], results=results, as_json=False
        )
        return with_check_of(_with_job(pinned, request), request)
    if isinstance(options, ReproOptions):
        assert isinstance(mode, Repro)
        against = mode.against[:_SHORT] if mode.against else None
        repeated = replace(options, rev=request.bad[:_SHORT], compare=against, script=None, as_json=False)
        return with_check_of(_with_job(repeated, request), request)
    if isinstance(options, FixesOptions):
        assert isinstance(mode, Fixes)
        return with_check_of(_candidates(options, mode, request.bad), request)
    return with_check_of(replace(options, rev=request.bad[:_SHORT]), request)


def _ends(request: Request) -> tuple[tuple[str, ...], str | None]:
    """The good ends and the bad end as given on the command line; a walk has only one of them."""
    mode = request.mode
    if isinstance(mode, Walk):
        return ((request.bad,), None) if mode.find == "fix" else ((), request.bad)
    assert isinstance(mode, Bisect)
    return ((request.bad,), mode.goods[0]) if request.finds_fix else (mode.goods, request.bad)


def _candidates(options: FixesOptions, mode: Fixes, bad: str) -> FixesOptions:
    """The options with the candidates that are tried, including the default ones."""
    return replace(
        options,
        at=bad[:_SHORT],
        revert=_short(each.commit for each in mode.candidates if each.kind == "revert"),
        apply=tuple(each.path for each in mode.candidates if each.kind == "apply"),
        pick=_short(each.commit for each in mode.candidates if each.kind == "pick"),
        verify=_short(mode.verify),
        as_json=False,
    )


def _short(shas: Iterable[str]) -> tuple[str, ...]:
    return tuple(sha[:_SHORT] for sha in shas)
