"""The commits between good and bad: the candidates of a bisection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bisect_tool.git.commit import Commit
    from bisect_tool.git.plumbing import Git

DEEPEN = "git fetch --unshallow --tags"
"""The command that fetches the rest of a shallow clone."""


@dataclass(frozen=True, eq=False)
class Range:
    """The ancestors of `bad` that are not ancestors of any of the `goods`.

    Attributes:
        goods: The good ends, full names.
        bad: The bad end, full name; it is the last of the commits.
        commits: The candidates, ancestors first.
        first_parent: The range follows first parents only.
    """

    goods: tuple[str, ...]
    bad: str
    commits: tuple[Commit, ...]
    first_parent: bool = False

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The parents of every candidate, including parents outside the range."""
        last = 1 if self.first_parent else None
        return {commit.sha: commit.parents[:last] for commit in self.commits}

    @cached_property
    def boundary(self) -> tuple[str, ...]:
        """The parents outside the range: ancestors of good ends."""
        known = self.parents
        outside = (parent for each in known.values() for parent in each if parent not in known)
        return tuple(dict.fromkeys(outside))

    def commit(self, sha: str) -> Commit:
        """Return the candidate with this name.

        Raises:
            KeyError: it is not in the range.
        """
        return self._by_sha[sha]

    @cached_property
    def _by_sha(self) -> Mapping[str, Commit]:
        return {commit.sha: commit for commit in self.commits}


def check_ends(git: Git, goods: Sequence[str], bad: str, cuts: Collection[str] = ()) -> None:
    """Check that there is a range to search between the ends.

    Raises:
        UsageError: no good end, equal or swapped ends, or a good end that is not an ancestor of the bad one;
            the hint then names the merge base to test first, as `git bisect` does. In a shallow clone
            (`cuts`), the ancestry may be unknown.
    """
    if not goods:
        raise UsageError("there is no good commit to start from", "Name one with --good.")
    for good in goods:
        if good == bad:
            raise UsageError(
                f"the good and the bad commit are the same: {bad[:12]}",
                "Use two commits, the good one an ancestor of the bad one.",
            )
        bases = _merge_bases(git, good, bad)
        if good in bases:
            continue
        if bad in bases:
            raise UsageError(
                f"the ends are swapped: bad {bad[:12]} is an ancestor of good {good[:12]}",
                "Swap --good and --bad, or search for the commit that fixed it: --find fix.",
            )
        if cuts:
            raise UsageError(
                f"good {good[:12]} is not an ancestor of bad {bad[:12]} in this shallow clone",
                f"Fetch the rest of the history: {DEEPEN}.",
            )
        if not bases:
            raise UsageError(
                f"good {good[:12]} and bad {bad[:12]} have no common history",
                "Use commits of the same history.",
            )
        raise UsageError(
            f"good {good[:12]} is not an ancestor of bad {bad[:12]}",
            f"Test their merge base first: if {bases[0][:12]} is good, use --good {bases[0][:12]}; "
            "if it is bad, the failure was fixed on the way to the good commit.",
        )


def _merge_bases(git: Git, good: str, bad: str) -> list[str]:
    # `merge-base` exits with 1 and prints nothing if there is none, which looks like an error.
    if git.succeeds("merge-base", "--is-ancestor", good, bad):
        return [good]
    if git.succeeds("merge-base", good, bad):
        return git.lines("merge-base", "--all", good, bad)
    return []
