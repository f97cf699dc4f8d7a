"""Delta debugging (ddmin): a minimal subset that still has a property of the whole. Pure.

ddmin of A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions
on Software Engineering 28(2), 2002.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def smallest(parts: Sequence[int], does: Callable[[frozenset[int]], bool]) -> frozenset[int]:
    """A minimal subset of `parts` for which `does` holds: no single part can be removed.

    It takes at most n² + 3n calls of `does`. If adding parts never makes it fail, a single part that suffices
    is found.
    """
    left, pieces = list(parts), min(2, len(parts))
    while len(left) > 1:
        chunks = _split(left, pieces)
        rests = [[part for part in left if part not in chunk] for chunk in chunks] if pieces > 2 else []
        chunk = next((each for each in chunks if does(frozenset(each))), None)
        rest = None if chunk else next((each for each in rests if does(frozenset(each))), None)
        if chunk:
            left, pieces = chunk, 2
        elif rest:
            left, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(left):
            pieces = min(2 * pieces, len(left))
        else:
            break
    return frozenset(left)


def _split(parts: Sequence[int], pieces: int) -> list[list[int]]:
    """`pieces` parts of about the same size, none of them empty."""
    ends = [len(parts) * number // pieces for number in range(pieces + 1)]
    return [list(parts[start:end]) for start, end in pairwise(ends)]
