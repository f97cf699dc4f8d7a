"""Find what `fixes` reuses from earlier sessions: the check that they ran, and the culprits they found."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool.errors import UsageError
from bisect_tool.fix_candidates.candidate_commits import defaults, parse
from bisect_tool.git import Repository
from bisect_tool.git.clone import is_url
from bisect_tool.json_document.document import Document
from bisect_tool.options.declared_options import to_arguments
from bisect_tool.options.rerun import with_check_of
from bisect_tool.options.run_options import FixesOptions
from bisect_tool.request import Request
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.mode import Candidate
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow, Store


def with_earlier_check(
    options: FixesOptions, store: Store, home: Home, notify: Callable[[str], None]
) -> FixesOptions:
    """Add the check of the newest session at this commit to the options, if they name no check.

    If they name no candidates either, the session must have found a culprit, if any has.
    """
    given = (
        options.command
        or options.cells
        or options.pytest
        or (options.scenario, options.profile) != (None, None)
    )
    if given or options.repo == "" or is_url(options.repo or ""):
        return options
    try:
        repository = Repository.open(str(Path(options.repo or ".").resolve()), home.cache)
        bad = repository.resolve(options.at)
    except UsageError:
        return options  # the error is reported when the options are resolved
    sessions = ((row, _request(row)) for row in store.sessions())
    about = [
        (row, each)
        for row, each in sessions
        if each and (each.repo, each.bad) == (repository.location, bad)
        if not each.finds_fix and each.check.as_job is None
    ]
    # The default candidates are the culprits of a session, so its check is used as well.
    naming = [] if options.names_any else [(row, each) for row, each in about if _named_by(row)]
    row, request = next(iter((*naming, *about)), (None, None))
    if row is None or request is None:
        return options
    completed = replace(with_check_of(options, request), pass_env=options.pass_env or request.pass_env)
    notify(f"using the check of session {row.id}: {clean_line(_check(completed))}")
    return completed


def candidates(
    options: FixesOptions, resolved: Resolved, store: Store, notify: Callable[[str], None]
) -> tuple[Candidate, ...]:
    """The candidates that the options name; if none, the default ones for culprits of earlier sessions.

    Raises:
        UsageError: no session found a culprit, or a candidate does not exist.
    """
    bad = resolved.request.bad
    if options.names_any:
        return parse(options, resolved.repository, bad)
    culprits = _culprits(resolved.request, store)
    if not culprits:
        raise UsageError(
            f"nothing to try at {bad[:12]}: no session with this bad commit found a culprit",
            "Use --revert, --apply, --pick or --verify, or bisect first.",
        )
    found = defaults(culprits, resolved.repository, bad)
    notify(f"trying {', '.join(candidate.name for candidate in found)}")
    return found


def _check(options: FixesOptions) -> str:
    """The part of the command line that selects the check."""
    named = FixesOptions(
        at=options.at,
        scenario=options.scenario,
        profile=options.profile,
        pytest=options.pytest,
        command=options.command,
    )
    return shlex.join(to_arguments(named)[2:])


def _request(row: SessionRow) -> Request | None:
    try:
        return Request.model_validate_json(row.request)
    except ValidationError:
        return None  # stored by another version


def _culprits(request: Request, store: Store) -> tuple[str, ...]:
    """The culprits of the newest session that found any for this commit."""
    about = (request.repo, request.bad)
    for row in store.sessions():
        earlier = _request(row)
        same = earlier and (earlier.repo, earlier.bad) == about and not earlier.finds_fix
        if same and (found := _named_by(row)):
            return found
    return ()


def _named_by(row: SessionRow) -> tuple[str, ...]:
    """The culprits in the document of a session."""
    try:
        document = Document.model_validate_json(row.document or "")
    except ValidationError:
        return ()
    return tuple(dict.fromkeys(cell.culprit.sha for cell in document.cells.values() if cell.culprit))
