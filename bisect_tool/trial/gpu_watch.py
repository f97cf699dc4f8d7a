"""Watch the memory of a trial's GPUs while its tests run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from bisect_tool.supervise import gpus
from bisect_tool.trial.result import GpuUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.supervise.guardian_protocol import GuardianResult

_INTERVAL_S = 0.2
_BEFORE_S, _AFTER_S = 0.5, 0.3
"""The window around the end of the tests in which memory counts as a leftover: the tests have ended their
servers by then, and the guardian ends the rest after `SETTLE_S`."""


@dataclass(frozen=True)
class Sample:
    """The bytes in use on each GPU, by name, and the time of reading, in seconds since 1970."""

    time: float
    used: Mapping[str, int]


@dataclass
class GpuWatch:
    """Samples the GPUs of `before` in a thread, until the block ends; none without GPUs.

    `before` are the bytes in use on each GPU before the tests started, by name.
    """

    before: Mapping[str, int]
    samples: list[Sample] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.before:
            self._thread = threading.Thread(target=self._run, name="gpu-watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            used = gpus.in_use(tuple(self.before))
            self.samples.append(Sample(time.time(), used))
            if self._stop.wait(_INTERVAL_S):
                return


def held_at_end(
    before: Mapping[str, int], samples: Sequence[Sample], guarded: GuardianResult
) -> dict[str, int]:
    """Return the bytes above those `before`, by GPU, that were held by processes which outlived the tests.

    The minimum around the end counts: the tests' own servers may just have ended.
    """
    if not guarded.leftovers.processes:
        return {}
    so_far = [sample for sample in samples if sample.time <= guarded.ended + _AFTER_S]
    around = [sample for sample in so_far if sample.time >= guarded.ended - _BEFORE_S] or so_far[-1:]
    held = {
        name: min((sample.used[name] - start for sample in around if name in sample.used), default=0)
        for name, start in before.items()
    }
    return {name: more for name, more in held.items() if more > gpus.TOLERANCE}


def usage(
    before: Mapping[str, int], samples: Sequence[Sample], after: Mapping[str, int]
) -> tuple[GpuUse, ...]:
    """Return the memory of each GPU before the tests, its peak while they ran, and after them."""
    return tuple(
        GpuUse(
            gpu=name,
            before=start,
            peak=max([start, *(sample.used.get(name, start) for sample in samples)]),
            after=after.get(name),
        )
        for name, start in before.items()
    )
