"""The commit graph of a range: topological order, ancestors, descendants and distances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search.ancestry import Ancestry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dag:
    """Commits and their parents; parents that are not commits of the range are its good boundary.

    Inside the search a commit is its index in `candidates`, so that sets of commits are cheap.

    Raises:
        ValueError: the parents form a cycle, or there are no commits.
    """

    parents: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        if not self.parents:
            raise ValueError("a range needs at least one commit")
        _ = self.ancestry

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """All commits, ancestors first; the order given is kept where it is topological already."""
        return tuple(_topological(self.parents))

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The index of each commit in `candidates`."""
        return {sha: place for place, sha in enumerate(self.candidates)}

    @cached_property
    def boundary(self) -> frozenset[str]:
        """The parents outside the range, which are ancestors of good ends."""
        return frozenset(parent for each in self.parents.values() for parent in each) - self.index.keys()

    @cached_property
    def edges(self) -> tuple[tuple[int, ...], ...]:
        """The parents of each commit that are commits of the range, as indices."""
        place = self.index
        return tuple(
            tuple(dict.fromkeys(place[parent] for parent in self.parents[sha] if parent in place))
            for sha in self.candidates
        )

    @cached_property
    def ancestry(self) -> Ancestry:
        """Sums over ancestors."""
        return Ancestry(self.edges)

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """The parents and children of each commit that are commits of the range, as indices."""
        both = [list(under) for under in self.edges]
        for commit, under in enumerate(self.edges):
            for parent in under:
                both[parent].append(commit)
        return tuple(tuple(each) for each in both)

    @cached_property
    def children(self) -> Mapping[str, tuple[int, ...]]:
        """For each parent, inside the range or outside, the commits of the range that have it."""
        found: dict[str, list[int]] = {}
        for place, sha in enumerate(self.candidates):
            for parent in dict.fromkeys(self.parents[sha]):
                found.setdefault(parent, []).append(place)
        return {parent: tuple(places) for parent, places in found.items()}

    def ancestors(self, commits: Iterable[int]) -> set[int]:
        """The given commits and their ancestors."""
        seen = set(commits)
        stack = list(seen)
        while stack:
            for parent in self.edges[stack.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return seen

    def descendants(self, commit: int) -> set[int]:
        """A commit and its descendants."""
        seen = {commit}
        stack = [commit]
        while stack:
            here = stack.pop()
            for other in self.neighbours[here]:
                if other > here and other not in seen:
                    seen.add(other)
                    stack.append(other)
        return seen

    def distances(self, source: int) -> NDArray[np.float64]:
        """Hops, up or down, from one commit to each; the number of commits if they are not connected."""
        if self.ancestry.linear:
            return np.abs(np.arange(len(self.edges), dtype=np.float64) - source)
        if source not in self._distances:
            self._distances[source] = self._walked(source)
        return self._distances[source]

    @cached_property
    def _distances(self) -> dict[int, NDArray[np.float64]]:
        return {}

    def _walked(self, source: int) -> NDArray[np.float64]:
        hops = np.full(len(self.edges), float(len(self.edges)))
        hops[source] = 0
        front = [source]
        for distance in range(1, len(self.edges)):
            front = [other for commit in front for other in self.neighbours[commit] if hops[other] > distance]
            hops[front] = distance
        return hops


def _topological(parents: Mapping[str, tuple[str, ...]]) -> list[str]:
    order: dict[str, None] = {}
    entered: set[str] = set()
    for sha in parents:
        stack = [sha]
        while stack:
            top = stack[-1]
            if top in order:
                stack.pop()
                continue
            missing = [parent for parent in parents[top] if parent in parents and parent not in order]
            if not missing:
                order[top] = None
                stack.pop()
            elif top in entered:
                raise ValueError(f"the history of {top} contains a cycle")
            else:
                entered.add(top)
                stack.extend(reversed(missing))
    return list(order)
