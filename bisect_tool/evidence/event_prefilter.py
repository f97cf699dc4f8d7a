"""Filter the lines that can begin an event by their shape: the text in lower case without digits.

Most lines of a healthy log have one of a few shapes, so that a look-up in a set decides about most lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_KEPT = 20_000
LONG = 1000
"""Shapes of this length or more are not cached."""
_DIGITS = b"0123456789"
_LOWER = bytes(range(256)).lower()


class EventPrefilter:
    """Searches for word stems, ignoring case, and caches the shapes of lines with and without one."""

    def __init__(self, stems: Iterable[str]) -> None:
        shapes = sorted({_shape(stem) for stem in stems}, key=len)
        needed: list[bytes] = []
        for stem in shapes:
            if not any(shorter in stem for shorter in needed):
                needed.append(stem)
        self._stems = tuple(needed)
        self._without: set[bytes] = set()
        self._with: set[bytes] = set()

    def matches(self, line: str) -> bool:
        """Whether a line can begin an event."""
        shape = _shape(line)
        if shape in self._without:
            return False
        return shape in self._with or bool(self._learn((shape,)))

    def matching(self, shapes: Sequence[bytes]) -> list[int]:
        """Return the indices of the lines that can begin an event, given the shapes of all."""
        new = set(shapes).difference(self._without, self._with)
        found = self._learn(new) if new else set()
        if not found and self._with.isdisjoint(shapes):
            return []
        return [at for at, shape in enumerate(shapes) if shape in self._with or shape in found]

    def _learn(self, shapes: Collection[bytes]) -> set[bytes]:
        """Cache new shapes, and return those that have a stem."""
        # Many short shapes are searched at once; in a long one, one of the first stems is often enough.
        long = {shape for shape in shapes if len(shape) >= LONG}
        found = {shape for shape in long if any(stem in shape for stem in self._stems)}
        short = [shape for shape in shapes if shape not in long] if long else shapes
        text = b"\n".join(short)
        stems = [stem for stem in self._stems if stem in text]
        if stems:
            found |= {shape for shape in short if any(stem in shape for stem in stems)}
        for known, learnt in ((self._without, set(shapes) - found), (self._with, found)):
            if len(known) + len(learnt) > _KEPT:
                known.clear()
            known.update(shape for shape in learnt if len(shape) < LONG)
        return found


def line_shapes(block: str) -> list[bytes]:
    """Return the shape of each line of a block; the last one is that of the text after the last newline."""
    return _shape(block).split(b"\n")


def _shape(text: str) -> bytes:
    return text.encode(errors="replace").translate(_LOWER, _DIGITS)
