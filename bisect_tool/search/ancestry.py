"""Sum a value over each commit and its ancestors, or its descendants."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_Number = TypeVar("_Number", np.float64, np.int64)


class Ancestry:
    """The commits of a range as indices, ancestors first, cut into chains.

    Along a chain, a sum is that of the commit before plus one value. A merge adds the commits not reachable
    from its first parent, and only those have to be stored. A linear history is one chain, its sums running
    totals.

    Args:
        edges: For each commit its parents in the range; parents have smaller indices.
    """

    def __init__(self, edges: Sequence[tuple[int, ...]]) -> None:
        self._edges = edges
        self.linear = all(under == ((place - 1,) if place else ()) for place, under in enumerate(edges))
        self._masks: dict[int, NDArray[np.bool_]] = {}

    def sums_over_ancestors(self, values: Values) -> Values:
        """The total over each commit and its ancestors; `values` has commits in its last axis."""
        if self.linear:
            return np.cumsum(values, axis=-1)
        return self._chains.sums_over_ancestors(np.atleast_2d(values)).reshape(values.shape)

    def sums_over_descendants(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Return the total over each commit and its descendants, shape (commits,); fast if most are zero."""
        if self.linear:
            running: NDArray[_Number] = np.cumsum(values[::-1])[::-1]
            return running
        total = np.zeros_like(values)
        for commit in np.flatnonzero(values):
            total[self.ancestors_of(int(commit))] += values[commit]
        return total

    def ancestors_of(self, commit: int) -> slice | NDArray[np.bool_]:
        """An index for `commit` and its ancestors."""
        if self.linear:
            return slice(commit + 1)
        if commit not in self._masks:
            mask = np.zeros(len(self._edges), dtype=bool)
            mask[list(self._reached(commit))] = True
            self._masks[commit] = mask
        return self._masks[commit]

    def _reached(self, commit: int) -> set[int]:
        seen = {commit}
        stack = [commit]
        while stack:
            for parent in self._edges[stack.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return seen

    @cached_property
    def _chains(self) -> _Chains:
        return _Chains(self._edges)


class _Chains:
    """Commits in the order of their chains, and the commits that each merge adds to its first parent."""

    def __init__(self, edges: Sequence[tuple[int, ...]]) -> None:
        chain_of: list[int] = []
        offset_of: list[int] = []
        continued = [False] * len(edges)
        lengths: list[int] = []
        self._parents: list[tuple[int, ...]] = []
        for parents in edges:
            if len(parents) == 1 and not continued[parents[0]]:
                continued[parents[0]] = True
                chain = chain_of[parents[0]]
            else:
                chain = len(lengths)
                lengths.append(0)
                self._parents.append(parents)
            chain_of.append(chain)
            offset_of.append(lengths[chain])
            lengths[chain] += 1
        self._chain = np.array(chain_of)
        self._first = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        self._place = self._first[self._chain] + np.array(offset_of)
        self._order = np.argsort(self._place)
        self._added, self._ends = self._differences(chain_of, offset_of, self._first.tolist())

    def _differences(
        self, chain_of: Sequence[int], offset_of: Sequence[int], first: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the ancestors of each chain's first commit that its first parent lacks, concatenated."""
        below: list[int] = []

        def reachable(commit: int) -> int:
            chain = chain_of[commit]
            return below[chain] | ((1 << (offset_of[commit] + 1)) - 1) << first[chain]

        added = [np.empty(0, dtype=np.int32)]
        for parents in self._parents:
            bits = everything = reachable(parents[0]) if parents else 0
            for parent in parents[1:]:
                everything |= reachable(parent)
            below.append(everything)
            added.append(_places(everything & ~bits))
        ends = np.cumsum([len(places) for places in added[1:]])
        return np.concatenate(added), ends.astype(np.int64)

    def sums_over_ancestors(self, values: Values) -> Values:
        """The totals of `values`, shape (m, commits)."""
        ordered = values[:, self._order]
        running = np.cumsum(ordered, axis=1)
        before = np.where(self._first > 0, running[:, self._first - 1], 0.0)
        local = running[:, self._place] - before[:, self._chain]
        added = np.cumsum(ordered[:, self._added], axis=1)
        added = np.concatenate((np.zeros((len(values), 1)), added), axis=1)[:, self._ends]
        added[:, 1:] = np.diff(added, axis=1)
        return np.array(
            [
                self._stacked(mine, more.tolist())[self._chain] + mine
                for mine, more in zip(local, added, strict=True)
            ]
        )

    def _stacked(self, local: Values, added: Sequence[float]) -> Values:
        """Return the total below each chain: that of its first parent, and of the commits added by merges."""
        base: list[float] = []
        chain_of, own = self._chain.tolist(), local.tolist()
        for parents, more in zip(self._parents, added, strict=True):
            base.append(base[chain_of[parents[0]]] + own[parents[0]] + more if parents else 0.0)
        return np.array(base)


def _places(bits: int) -> NDArray[np.int32]:
    """The positions of the ones in an integer."""
    if not bits:
        return np.empty(0, dtype=np.int32)
    low = ((bits & -bits).bit_length() - 1) // 8
    packed = (bits >> 8 * low).to_bytes((bits.bit_length() + 7) // 8 - low, "little")
    raw = np.frombuffer(packed, dtype=np.uint8)
    return (np.flatnonzero(np.unpackbits(raw, bitorder="little")) + 8 * low).astype(np.int32)
