"""Stands in for torch where no token of the reference engine is looked at: computes nothing, imports fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Anything:
    """A tensor, a function, a device: all that is done with it gives another one."""

    def _another(self, *_args: object, **_options: object) -> Anything:
        return Anything()

    __call__ = __getitem__ = _another
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = _another

    def __getattr__(self, _name: str) -> Anything:
        return Anything()

    def __iter__(self) -> Iterator[Anything]:
        return iter((Anything(), Anything()))

    def __bool__(self) -> bool:
        return False

    def __float__(self) -> float:
        return 1.0

    def __repr__(self) -> str:
        return "nothing"


def __getattr__(_name: str) -> Anything:
    return Anything()
