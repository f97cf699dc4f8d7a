"""Choose the wheel of a build: the commit's own, or that of an ancestor with the same sources. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.wheels.index import Wheel

_FRESH_S = 90 * 60
_USUAL = "a wheel is usually published 30 to 60 minutes after the merge"


@dataclass(frozen=True)
class Lineage:
    """A commit and its ancestors with the same native files, nearest first.

    `committed` is when the commit was made, in seconds since the epoch.
    """

    shas: tuple[str, ...]
    committed: float

    def missing(self, now: float) -> str:
        """Return the sentence about a missing wheel."""
        sha, *ancestors = (sha[:9] for sha in self.shas)
        of = f"{sha}, nor for an ancestor with the same native files" if ancestors else sha
        if not self.is_fresh(now):
            return f"no wheel is published for {of}"
        minutes = max(0.0, now - self.committed) / 60
        return f"no wheel is published yet for {of}: the commit is {minutes:.0f} minutes old, and {_USUAL}"

    def is_fresh(self, now: float) -> bool:
        """Whether its own wheel may not be published yet."""
        return now - self.committed < _FRESH_S


def nearest(
    parents: Iterable[tuple[str, str | None]], names: Mapping[str, str], wheels: Mapping[str, Wheel]
) -> dict[str, Wheel]:
    """Return the wheel of each commit, or of its nearest ancestor by first parents in the range.

    Args:
        parents: Each commit with its first parent (or None), ancestors first.
        names: The fingerprint of each commit's environment.
        wheels: The published wheels by commit; for a good end, the one that its build uses.
    """
    found = dict(wheels)
    for sha, parent in parents:
        if sha not in found and parent in found and names.get(sha) == names.get(parent):
            found[sha] = found[parent]
    return found


def runs_on(variant: str, driver: tuple[int, int] | None) -> bool:
    """Whether a variant such as `cu130` runs on a driver of this CUDA version."""
    match = re.fullmatch(r"cu(\d+)\d", variant)
    # Within a major version, older drivers run newer variants.
    return match is None or driver is None or int(match[1]) <= driver[0]


def choose_variant(variants: Iterable[str], served: Mapping[str, int], default: Iterable[str]) -> str:
    """Choose the variant for a whole range.

    Args:
        variants: The permitted variants, preferred ones first.
        served: The number of ends with a wheel, by variant.
        default: The variants that the default index refers to, which fit torch of the registry.
    """
    order = list(variants)
    usual = {*default}
    return max(order, key=lambda each: (served.get(each, 0), each in usual, -order.index(each)))
