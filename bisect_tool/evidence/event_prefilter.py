"""Which lines can begin an event, by their shapes: the text in lower case without digits.

Most lines of a healthy log have one of a few shapes, so that most are known once they have been split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_KEPT = 20_000
_LONG = 1000
_DIGITS = b"0123456789"
_LOWER = bytes(range(256)).lower()


class Telling:
    """Looks for stems of words, in any case, and remembers the shapes of lines with and without one."""

    def __init__(self, stems: Iterable[str]) -> None:
        shapes = sorted({_shape(stem) for stem in stems}, key=len)
        needed: list[bytes] = []
        for stem in shapes:
            if not any(shorter in stem for shorter in needed):
                needed.append(stem)
        self._stems = tuple(needed)
        self._quiet: set[bytes] = set()
        self._telling: set[bytes] = set()

    def tells(self, line: str) -> bool:
        """Whether a line can begin an event."""
        shape = _shape(line)
        if shape in self._quiet:
            return False
        return shape in self._telling or bool(self._learn((shape,)))

    def lines(self, block: str) -> list[int]:
        """Return which lines of a block, counted from 0, can begin an event."""
        shapes = _shape(block).split(b"\n")
        new = set(shapes).difference(self._quiet, self._telling)
        found = self._learn(new) if new else set()
        if not found and self._telling.isdisjoint(shapes):
            return []
        return [at for at, shape in enumerate(shapes) if shape in self._telling or shape in found]

    def _learn(self, shapes: Collection[bytes]) -> set[bytes]:
        """Return those of some new shapes that have a stem."""
        text = b"\n".join(shapes)
        stems = [stem for stem in self._stems if stem in text]
        found = {shape for shape in shapes if any(stem in shape for stem in stems)} if stems else set()
        for known, learnt in ((self._quiet, set(shapes) - found), (self._telling, found)):
            if len(known) + len(learnt) > _KEPT:
                known.clear()
            known.update(shape for shape in learnt if len(shape) < _LONG)
        return found


def _shape(text: str) -> bytes:
    return text.encode(errors="replace").translate(_LOWER, _DIGITS)
