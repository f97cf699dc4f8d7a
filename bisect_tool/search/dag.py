"""The commit graph of a range: its order, its ancestry, and how many suspects lie under each commit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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
        _ = self.candidates

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """All commits, ancestors first; the order given is kept where it is topological already."""
        return tuple(_topological(self.parents))

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The place of each commit in `candidates`."""
        return {sha: place for place, sha in enumerate(self.candidates)}

    @cached_property
    def boundary(self) -> frozenset[str]:
        """The parents outside the range: good by the way the range was made."""
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
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """The parents and children of each commit that are commits of the range, as indices."""
        both = [list(under) for under in self.edges]
        for commit, under in enumerate(self.edges):
            for parent in under:
                both[parent].append(commit)
        return tuple(tuple(each) for each in both)

    def ancestors(self, commits: Iterable[int]) -> set[int]:
        """The commits given and everything under them."""
        seen = set(commits)
        stack = list(seen)
        while stack:
            for parent in self.edges[stack.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return seen

    def weights(self, suspects: Sequence[int]) -> list[int]:
        """How many suspects each suspect has under it, itself included.

        This is the count `git rev-list --bisect` balances. Suspects (ascending indices) are laid out in
        chains, in which a count is one more than the one before, so that only forks and merges need a
        set: an integer with one bit per suspect.
        """
        chains = _Chains(self.edges, suspects)
        return [chains.weight(commit) for commit in suspects]

    def suspects_under(self, suspects: Sequence[int]) -> list[int]:
        """For each commit of the range the suspects under it, itself included: one bit for each suspect."""
        under = [0] * len(self.edges)
        for bit, commit in enumerate(suspects):
            under[commit] = 1 << bit
        for commit, parents in enumerate(self.edges):
            for parent in parents:
                under[commit] |= under[parent]
        return under

    def distances(self, suspects: Sequence[int], source: int) -> dict[int, int]:
        """Hops, up or down and through suspects only, from one suspect to each that can be reached."""
        inside = set(suspects)
        found = {source: 0}
        front = [source]
        while front:
            beyond = []
            for commit in front:
                for other in self.neighbours[commit]:
                    if other in inside and other not in found:
                        found[other] = found[commit] + 1
                        beyond.append(other)
            front = beyond
        return found


class _Chains:
    """Suspects cut into chains, and for each chain the set of suspects under its first commit."""

    def __init__(self, edges: Sequence[tuple[int, ...]], suspects: Sequence[int]) -> None:
        self._chain: dict[int, int] = {}
        self._offset: dict[int, int] = {}
        self._continued: set[int] = set()
        lengths: list[int] = []
        feet: list[tuple[int, ...]] = []
        for commit in suspects:
            under = tuple(parent for parent in edges[commit] if parent in self._chain)
            if len(under) == 1 and under[0] not in self._continued:
                self._continued.add(under[0])
                chain = self._chain[under[0]]
            else:
                chain = len(lengths)
                lengths.append(0)
                feet.append(under)
            self._chain[commit] = chain
            self._offset[commit] = lengths[chain]
            lengths[chain] += 1
        self._first: list[int] = []
        first = 0
        for length in lengths:
            self._first.append(first)
            first += length
        self._base: list[int] = []
        for under in feet:
            base = 0
            for parent in under:
                base |= self._set(parent)
            self._base.append(base)
        self._count = [base.bit_count() for base in self._base]

    def _set(self, commit: int) -> int:
        chain = self._chain[commit]
        own = (1 << (self._offset[commit] + 1)) - 1
        return self._base[chain] | own << self._first[chain]

    def weight(self, commit: int) -> int:
        return self._count[self._chain[commit]] + self._offset[commit] + 1


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
                raise ValueError(f"the history of {top} leads back to itself")
            else:
                entered.add(top)
                stack.extend(reversed(missing))
    return list(order)
