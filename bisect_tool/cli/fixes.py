"""`bisect-run fixes`: which revert, patch or pick fixes a failing commit."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from bisect_tool.cli.run_session import drive
from bisect_tool.errors import UsageError
from bisect_tool.fixes.candidates import FixOptions, defaults, parse, resolve_request
from bisect_tool.git import Repository
from bisect_tool.git.clone import is_url
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.request import CommandCheck, ProjectCheck, PytestCheck, Request, targets
from bisect_tool.results.document import Document
from bisect_tool.sanitise import clean_line
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.terminal.output import say

if TYPE_CHECKING:
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.paths import Home
    from bisect_tool.request import Candidate
    from bisect_tool.session.store import SessionRow

Several = list[str] | None

EXAMPLES = (
    "bisect-run fixes --at main",
    "bisect-run fixes --at main --revert 8f8b41594 --apply fix.patch",
)


def fixes(
    at: Annotated[str, typer.Option("--at", metavar="REF", help="The failing commit.")],
    revert: Annotated[
        Several,
        typer.Option(
            "--revert", metavar="REF|PR", help="Revert this commit or pull request; may be repeated."
        ),
    ] = None,
    apply: Annotated[
        Several, typer.Option("--apply", metavar="FILE", help="Apply this patch; may be repeated.")
    ] = None,
    pick: Annotated[
        Several, typer.Option("--pick", metavar="REF", help="Cherry-pick this commit; may be repeated.")
    ] = None,
    verify: Annotated[
        Several,
        typer.Option("--verify", metavar="REF", help="Also run this commit unchanged; may be repeated."),
    ] = None,
    runs: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", min=1, help="Passing runs required before a cell counts as fixed."
        ),
    ] = 2,
    repo: shared_options.Repo = None,
    scenario: shared_options.Scenario = None,
    profile: shared_options.Profile = None,
    cells: shared_options.Cells = None,
    pytest: shared_options.Pytest = None,
    pytest_args: shared_options.PytestArgs = None,
    python: shared_options.Python = None,
    tests_from: shared_options.TestsFrom = None,
    slots: shared_options.Slots = 1,
    deadline: shared_options.Deadline = 3600.0,
    pass_env: shared_options.PassEnv = None,
    as_json: shared_options.AsJson = False,
    command: shared_options.Command = None,
) -> int:
    """Find the fewest reverts, patches and picks that fix a commit.

    By default, tries reverting the culprit found by an earlier bisection of this commit, and later changes to
    the same code.
    """
    options = RunOptions(
        goods=(),
        bad=at,
        repo=repo,
        scenario=scenario,
        profile=profile,
        pytest=tuple(pytest or ()),
        pytest_args=pytest_args,
        python=python,
        tests_from=tests_from,
        command=tuple(command or ()),
        cells=tuple(cells or ()),
        endpoint_runs=runs,
        slots=slots,
        priors=False,
        deadline_s=deadline,
        pass_env=tuple(pass_env or ()),
    )
    here = home()
    store = Store(here.store, say)
    wishes = FixOptions(tuple(revert or ()), tuple(apply or ()), tuple(pick or ()), tuple(verify or ()))
    options = _as_before(options, store, here, tried=wishes != FixOptions())
    resolved = resolve(options, here, say, "fixes")
    found = _candidates(wishes, resolved, store)
    session = sessions.create(resolve_request(resolved, options, found, wishes.verify), store, here)
    return drive(session, store, as_json)


def _as_before(options: RunOptions, store: Store, home: Home, *, tried: bool) -> RunOptions:
    """The words; where they name no check, that of the newest session at this commit of this repository.

    Unless something is `tried` by name it is that of the newest one that named a culprit.
    """
    given = (
        options.command
        or options.cells
        or options.pytest
        or (options.scenario, options.profile) != (None, None)
    )
    if given or options.repo == "" or is_url(options.repo or ""):
        return options
    folder = Path(options.repo or ".").resolve()
    asked = ((row, _request(row)) for row in store.sessions())
    here = [(row, request) for row, request in asked if request and request.repo == str(folder)]
    if not here:
        return options
    try:
        bad = Repository.open(str(folder), home.cache).resolve(options.bad)
    except UsageError:
        return options  # what is wrong with it is said where it is resolved
    about = [(row, each) for row, each in here if (each.bad, each.find) == (bad, "regression")]
    # What is tried on its own account is the culprit of a session: its check goes with it.
    naming = [] if tried else [(row, each) for row, each in about if _named_by(row)]
    row, request = next(iter((*naming, *about)), (None, None))
    return options if row is None or request is None else _taking_over(options, row.id, request)


def _taking_over(options: RunOptions, session: str, request: Request) -> RunOptions:
    check = request.check
    taken = replace(
        options,
        repo=request.repo,
        scenario=request.scenario,
        profile=request.profile,
        command=check.argv if isinstance(check, CommandCheck) else (),
        pytest=targets(check),
        pytest_args=shlex.join(check.args) if isinstance(check, ProjectCheck) else None,
        python=check.python if isinstance(check, ProjectCheck) else None,
        tests_from=check.tests_from if isinstance(check, ProjectCheck | PytestCheck) else None,
        pass_env=options.pass_env or request.pass_env,
    )
    parse = {"--scenario": taken.scenario, "--profile": taken.profile}
    parts = [part for name, value in parse.items() if value for part in (name, value)]
    parts += [part for target in taken.pytest for part in ("--pytest", target)]
    said = shlex.join([*parts, *(("--", *taken.command) if taken.command else ())])
    say(f"using the check of session {session}: {clean_line(said)}")
    return taken


def _request(row: SessionRow) -> Request | None:
    try:
        return Request.model_validate_json(row.request)
    except ValidationError:
        return None  # another version stored it


def _candidates(wishes: FixOptions, resolved: Resolved, store: Store) -> tuple[Candidate, ...]:
    bad = resolved.request.bad
    if wishes != FixOptions():
        return parse(wishes, resolved.repository, bad)
    culprits = _culprits(resolved.request, store)
    if not culprits:
        raise UsageError(
            f"nothing to try at {bad[:12]}: no session with this bad commit found a culprit",
            "Use --revert, --apply, --pick or --verify, or bisect first.",
        )
    found = defaults(culprits, resolved.repository, bad)
    say(f"trying {', '.join(candidate.name for candidate in found)}")
    return found


def _culprits(request: Request, store: Store) -> tuple[str, ...]:
    """The culprits of the newest session that named any for this commit."""
    about = (request.repo, request.bad, "regression")
    for row in store.sessions():
        asked = _request(row)
        if asked and (asked.repo, asked.bad, asked.find) == about and (found := _named_by(row)):
            return found
    return ()


def _named_by(row: SessionRow) -> tuple[str, ...]:
    """The culprits in the document of a session."""
    try:
        document = Document.model_validate_json(row.document or "")
    except ValidationError:
        return ()
    return tuple(dict.fromkeys(cell.culprit.sha for cell in document.cells.values() if cell.culprit))
