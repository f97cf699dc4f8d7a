"""Recorded nights: the range of each, its culprit, and the prior of its commits, in one small file.

It is made from a history and its known culprits, which are not part of the repository.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.search import Dag
from bisect_tool.simulate.searches import history_searches
from bisect_tool.simulate.simulate import KnownRange

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDED = Path(__file__).with_name("vllm_nights.json")
"""60 nights of vLLM: culprits are commits that were reverted later."""

_GOOD = "good"


@dataclass(frozen=True)
class Night:
    """A linear range: the weight of each commit, oldest first, and the number of its culprit, from 1."""

    culprit: int
    weights: tuple[float, ...]

    @property
    def candidates(self) -> int:
        """How many commits it has."""
        return len(self.weights)

    @property
    def known_range(self) -> KnownRange:
        """The range that bisect-run searches."""
        names = [f"c{number}" for number in range(1, self.candidates + 1)]
        dag = Dag(dict(zip(names, ((parent,) for parent in (_GOOD, *names)), strict=False)))
        weights = dict(zip(names, self.weights, strict=True))
        return KnownRange(dag, _GOOD, names[-1], names[self.culprit - 1], weights)


def record(history: Path, cases: Path) -> list[Night]:
    """The nights of a history; weights have three digits."""
    return [_night(each) for each in history_searches(history, cases, 1, priors=True)]


def _night(known: KnownRange) -> Night:
    commits = known.dag.candidates
    assert known.weights is not None
    weights = tuple(float(f"{known.weights[sha]:.3g}") for sha in commits)
    return Night(commits.index(known.culprit) + 1, weights)


def write(nights: Sequence[Night], file: Path) -> None:
    """Write nights, one a line."""
    lines = ",\n".join(json.dumps(asdict(night), separators=(",", ":")) for night in nights)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read(file: Path = RECORDED) -> list[Night]:
    """The nights of a file."""
    found = json.loads(file.read_text(encoding="utf-8"))
    return [Night(each["culprit"], tuple(each["weights"])) for each in found]
