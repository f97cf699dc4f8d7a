"""Add the result of reverting the culprits (`--confirm`) to a bisection's document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import ExitCode
from bisect_tool.fix_candidates.reverted_by import reverted_by
from bisect_tool.git.apply_edits import NOTHING_CHANGED
from bisect_tool.json_document.commits import commit_info
from bisect_tool.json_document.document import Confirmation, NextSearch
from bisect_tool.options.rerun import with_good
from bisect_tool.verdict import RED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.json_document.document import Document
    from bisect_tool.json_document.fixes import Tried
    from bisect_tool.session.session import Session
    from bisect_tool.trial.result import TrialResult


def confirmed(document: Document, confirming: Document, searches: Iterable[NextSearch] = ()) -> Document:
    """Add the result of reverting the culprits to a bisection's document; `searches` are the next steps."""
    assert confirming.fixes is not None
    confirmation = Confirmation(
        session=confirming.session,
        conclusion=confirming.conclusion,
        fixes=confirming.fixes,
        cost=confirming.cost,
        searches=tuple(searches),
    )
    return document.model_copy(
        update={
            "confirmation": confirmation,
            "commits": {
                **confirming.commits,
                **document.commits,
                **{each.commit.sha: each.commit for each in confirmation.searches},
            },
            "resumable": document.resumable or confirming.resumable,
        }
    )


def unfinished(document: Document) -> Document:
    """Mark a document as interrupted before its culprits were confirmed."""
    return document.model_copy(
        update={
            "exit_code": ExitCode.INTERRUPTED,
            "resumable": True,
            "conclusion": f"not finished: {document.conclusion}, but not yet confirmed",
        }
    )


def next_searches(
    session: Session, tried: Iterable[Tried], results: Sequence[TrialResult]
) -> Iterator[NextSearch]:
    """Yield the next search for each culprit that was undone before the bad end.

    It starts from the commit that undid the culprit, unless that is the bad end or failed: then another
    commit introduced the failure while the culprit hid it.
    """
    request = session.request
    failed = {request.bad, *(result.sha for result in results if result.outcome in RED)}
    for culprit in (each.commit for each in tried if each.reason == NOTHING_CHANGED):
        by = reverted_by(session.repository, culprit, request.bad)
        rerun = "" if by in failed else with_good(request.rerun, by[:12])
        yield NextSearch(culprit=culprit, commit=commit_info(session.repository.commit(by)), rerun=rerun)
