"""Which commits of a branch revert a culprit, according to their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.search.relands import Message, landings

if TYPE_CHECKING:
    from bisect_tool.git import Repository


def reverted_by(repository: Repository, culprit: str, head: str) -> str:
    """The first commit up to `head` that reverts the culprit, an ancestor of it; empty if none says so."""
    later = repository.range((culprit,), head, first_parent=True).commits
    of = landings(
        [Message(each.sha, each.subject, each.body) for each in (repository.commit(culprit), *later)]
    )
    own = of.get(culprit)
    if own is None:
        return ""
    undoing = (each.sha for each in later if (found := of.get(each.sha)) and found.change == own.change)
    return next((sha for sha in undoing if of[sha].lands is not own.lands), "")
