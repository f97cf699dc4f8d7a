"""Skip blocks in the middle of a long log that repeat lines already read.

A service that fails in a loop logs megabytes of the same failures. Of records that differ only in numbers,
the reader keeps the first and the last ones, so that those in between need not be read.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bisect_tool.evidence.event_prefilter import LONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HEAD = TAIL = 1 << 20
"""Characters at the beginning and at the end of each log that are always read line by line."""
_KEPT = 50_000
_PYTEST = ("::", "=====", "____")


class RepeatedBlocks:
    """Decides which blocks of a log are skipped, and keeps the last skipped lines.

    `context` lines around a block with new lines are read as well, since they may belong to its records.
    """

    def __init__(self, context: int) -> None:
        self._context = context
        self._shapes: set[bytes] = set()
        self._texts: set[str] = set()
        self._size = 0
        self._to_read = 0
        self._skipped: deque[str] = deque(maxlen=context)

    def skip(self, shapes: Sequence[bytes], block: str, *, at_end: bool) -> bool:
        """Return whether a block is skipped; its lines are recorded in either case."""
        self._size += len(block)
        if not self._has_seen(shapes, block):
            self._add(shapes, block)
            self._to_read = self._context
            return False
        if self._size <= HEAD or at_end or self._to_read > 0:
            self._to_read -= len(shapes)
            return False
        self._skipped.extend(_lines(block)[-self._context :])
        return True

    def take_skipped(self) -> list[str]:
        """Return the last skipped lines before this block, and clear them."""
        skipped = list(self._skipped)
        self._skipped.clear()
        return skipped

    def _has_seen(self, shapes: Sequence[bytes], block: str) -> bool:
        """Whether every line of a block has been read before, except for numbers.

        Tests may differ only in the numbers of their names and parameters, so a line that may name one must
        have been read exactly.
        """
        return self._shapes.issuperset(shapes) and self._texts.issuperset(_pytest_lines(block))

    def _add(self, shapes: Sequence[bytes], block: str) -> None:
        if len(self._shapes) < _KEPT:
            self._shapes.update(shape for shape in shapes if len(shape) < LONG)
        if len(self._texts) < _KEPT:
            self._texts.update(text for text in _pytest_lines(block) if len(text) < LONG)


def with_end_marked(blocks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each block, and whether it belongs to the last `TAIL` characters."""
    pending: deque[str] = deque()
    size = 0
    for block in blocks:
        pending.append(block)
        size += len(block)
        while size - len(pending[0]) >= TAIL:
            size -= len(pending[0])
            yield pending.popleft(), False
    for block in pending:
        yield block, True


def _pytest_lines(block: str) -> set[str]:
    """Return the lines that may be pytest's: with a node id, a banner, or the heading of a failed test."""
    return {line for mark in _PYTEST for line in _lines_with(mark, block)}


def _lines_with(mark: str, block: str) -> Iterator[str]:
    at = block.find(mark)
    while at >= 0:
        end = block.find("\n", at)
        yield block[block.rfind("\n", 0, at) + 1 : end if end >= 0 else None]
        at = block.find(mark, end) if end >= 0 else -1


def _lines(block: str) -> list[str]:
    return block.removesuffix("\n").split("\n")
