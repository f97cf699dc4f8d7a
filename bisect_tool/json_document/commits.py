"""Collect the commits that a document mentions."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.errors import BisectError
from bisect_tool.git.commit import merge_request
from bisect_tool.json_document.document import (
    CommitInfo,
    NativeChange,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.planner import State
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import TrialRow

_log = logging.getLogger("bisect_run.json_document")


def commit_info(commit: Commit) -> CommitInfo:
    """A commit as the document shows it."""
    return CommitInfo(
        sha=commit.sha, subject=commit.subject, author=commit.author, date=commit.date, pr=commit.pr
    )


def with_merge_request(commit: Commit) -> Commit:
    """The commit with its merge-request number on GitLab, where `(#N)` is an issue."""
    return replace(commit, pr=merge_request(commit.subject, commit.body))


def mentioned_shas(
    session: Session,
    rows: Sequence[TrialRow],
    state: State,
    native: Sequence[NativeChange],
    commits: Mapping[str, Commit],
) -> Iterable[str]:
    """Return every commit that the document mentions, without duplicates."""
    shas = [*session.request.ends, *(row.result.sha for row in rows)]
    for item in state.conclusions:
        shas += [*item.candidates, *(sha for sha, _ in item.skipped)]
        shas += commits[item.culprit].parents if item.culprit else ()
    return dict.fromkeys((*shas, *(change.sha for change in native)))


def parents_outside(session: Session, state: State, commits: Mapping[str, Commit]) -> dict[str, Commit]:
    """Return the culprits' parents outside the range, if the history has them."""
    found: dict[str, Commit] = {}
    for item in state.conclusions:
        for sha in commits[item.culprit].parents if item.culprit else ():
            if sha not in commits:
                try:
                    found[sha] = session.repository.commit(sha)
                except BisectError as error:
                    _log.warning("the parent %s of a culprit is left out: %s", sha, error)
    return found
