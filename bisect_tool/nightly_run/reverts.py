"""Find the commits of a branch that revert a culprit, by their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.search.relands import Message, landings

if TYPE_CHECKING:
    from bisect_tool.git import Repository


def reverted_by(repository: Repository, culprit: str, head: str) -> str:
    """Return the first commit up to `head` whose message says that it reverts the culprit; else empty."""
    later = repository.range((culprit,), head, first_parent=True).commits
    of = landings(
        [Message(each.sha, each.subject, each.body) for each in (repository.commit(culprit), *later)]
    )
    own = of.get(culprit)
    if own is None:
        return ""
    undoing = (each.sha for each in later if (found := of.get(each.sha)) and found.change == own.change)
    return next((sha for sha in undoing if of[sha].lands is not own.lands), "")
