"""Delta debugging: find a minimal subset that still has a property of the whole set. Pure.

The algorithm is ddmin (A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
Transactions on Software Engineering 28(2), 2002).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def minimal_subset(parts: Sequence[int], holds: Callable[[frozenset[int]], bool]) -> frozenset[int]:
    """Return a minimal subset of `parts` for which `holds` is true: no single part can be removed.

    Calls `holds` at most n² + 3n times. If one part suffices, and adding parts never makes it false, the
    result is one part.
    """
    current, number = list(parts), min(2, len(parts))
    while len(current) > 1:
        chunks = _split(current, number)
        complements = (
            [[part for part in current if part not in chunk] for chunk in chunks] if number > 2 else []
        )
        chunk = next((each for each in chunks if holds(frozenset(each))), None)
        complement = None if chunk else next((each for each in complements if holds(frozenset(each))), None)
        if chunk:
            current, number = chunk, 2
        elif complement:
            current, number = complement, max(number - 1, 2)
        elif number < len(current):
            number = min(2 * number, len(current))
        else:
            break
    return frozenset(current)


def _split(parts: Sequence[int], number: int) -> list[list[int]]:
    """Split into `number` chunks of about equal size, none of them empty."""
    ends = [len(parts) * index // number for index in range(number + 1)]
    return [list(parts[start:end]) for start, end in pairwise(ends)]
