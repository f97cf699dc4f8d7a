"""Find the commit since which reverting another commit has no effect, because its change was undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.git.apply_edits import NOTHING_CHANGED, Edit, EditKind, apply_edits

if TYPE_CHECKING:
    from bisect_tool.git.repository import Repository


def reverted_by(repository: Repository, sha: str, head: str) -> str:
    """Return the mainline commit of `head` from which on reverting `sha` changes nothing.

    Reverting it changes nothing at `head`, but does at `sha`. Of several such commits, one near `head`.

    Raises:
        EnvironmentFailed: git failed.
    """
    after = {*repository.git.lines("rev-list", "--ancestry-path", f"{sha}..{head}")}
    mainline = repository.git.lines("rev-list", "--first-parent", f"{sha}..{head}")
    line = [*(commit for commit in mainline if commit in after), sha]

    def gone(place: int) -> bool:
        edit = Edit(EditKind.REVERT, sha)
        return apply_edits(repository, line[place], [edit], f"Revert {sha}").why == NOTHING_CHANGED

    since, before = 0, 1
    while before < len(line) - 1 and gone(before):
        since, before = before, min(2 * before, len(line) - 1)
    while before - since > 1:
        middle = (since + before) // 2
        since, before = (middle, before) if gone(middle) else (since, middle)
    return line[since]
