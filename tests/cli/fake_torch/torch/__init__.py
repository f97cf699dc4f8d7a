"""Stands in for torch, whose import takes three seconds of CPU time: computes nothing.

The reference engine's model follows every sequence with the same token, as fast as with the real one.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

time.sleep(float(os.environ.get("TORCH_IMPORT_S", "0")))
STEP_S = 0.002
TOKEN = 7


class Anything:
    """A tensor, a function, a device: every operation returns another one."""

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


class Logits(Anything):
    """What the model returns for some sequences."""

    def __init__(self, sequences: int) -> None:
        self._sequences = sequences

    def argmax(self, **_options: object) -> Logits:
        return self

    def tolist(self) -> list[int]:
        return [TOKEN] * self._sequences


def inference_mode() -> Callable[[object], object]:
    """The decorator of the model's one function for a batch of sequences, which it replaces."""

    def forward(_model: object, batch: Sequence[object]) -> Logits:
        time.sleep(STEP_S)
        return Logits(len(batch))

    return lambda _function: forward


def __getattr__(_name: str) -> Anything:
    return Anything()
