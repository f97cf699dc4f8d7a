"""The command line that does the same again: the options of a request, with every name resolved."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bisect_tool.mode import Bisect, Fixes, Repro, Walk
from bisect_tool.options.declared import words
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions, StepOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.request import Request

_SHORT = 12
_Options = TypeVar("_Options", RunOptions, ReproOptions, FixesOptions, StepOptions)
_InCi = TypeVar("_InCi", RunOptions, ReproOptions)


def rerun(options: SessionOptions, request: Request) -> str:
    """The command line that does what a request does, with names that do not move."""
    return command_line(_pinned(options, request))


def command_line(options: SessionOptions) -> str:
    """The command line that gives these options, quoted for a shell."""
    return shlex.join(["bisect-run", *([options.NAME] if options.NAME else []), *words(options)])


def checking_as(options: _Options, request: Request) -> _Options:
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
    """The options with the repository of a job in CI, which may be that of the environment."""
    job = request.check.as_job
    return replace(options, repository=job.repository) if job else options


def with_good(again: str, sha: str) -> str:
    """A command line that runs a bisection again, from another good end."""
    line = shlex.split(again)
    end = line.index("--") if "--" in line else len(line)
    named = [place for place in range(end) if line[place] == "--good"]
    kept = [word for place, word in enumerate(line) if not {place, place - 1} & {*named}]
    place = named[0] if named else 1
    return shlex.join([*kept[:place], "--good", sha, *kept[place:]])


def with_found_end(again: str, sha: str, *, fix: bool) -> str:
    """The command line of a walk as that of the bisection from the end that it found."""
    if not again:
        return ""
    return (
        with_good(again, sha)
        if not fix
        else shlex.join([*(line := shlex.split(again))[:1], "--bad", sha, *line[1:]])
    )


def _pinned(options: SessionOptions, request: Request) -> SessionOptions:
    """The options with commit ids and paths for names, printing and writing nothing but the report."""
    mode = request.mode
    if isinstance(options, RunOptions):
        goods, bad = _ends(request)
        results = tuple(map(os.path.abspath, options.results))
        pinned = replace(
            options, good=_short(goods), bad=bad and bad[:_SHORT], results=results, as_json=False
        )
        return checking_as(_with_job(pinned, request), request)
    if isinstance(options, ReproOptions):
        assert isinstance(mode, Repro)
        against = mode.against[:_SHORT] if mode.against else None
        again = replace(options, rev=request.bad[:_SHORT], compare=against, script=None, as_json=False)
        return checking_as(_with_job(again, request), request)
    if isinstance(options, FixesOptions):
        assert isinstance(mode, Fixes)
        return checking_as(_candidates(options, mode, request.bad), request)
    return checking_as(replace(options, rev=request.bad[:_SHORT]), request)


def _ends(request: Request) -> tuple[tuple[str, ...], str | None]:
    """The good and the bad end as they were given; of a walk, one of them is not known."""
    mode = request.mode
    if isinstance(mode, Walk):
        return ((request.bad,), None) if mode.find == "fix" else ((), request.bad)
    assert isinstance(mode, Bisect)
    return ((request.bad,), mode.goods[0]) if request.finds_fix else (mode.goods, request.bad)


def _candidates(options: FixesOptions, mode: Fixes, bad: str) -> FixesOptions:
    """The options with the candidates that are tried, also where none was named."""
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
