"""Find cells that fail significantly more often while the machine is busy (Fisher's exact test)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bisect_tool.json_document.document import LoadContrast
from bisect_tool.stats import fisher
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.json_document.document import MachineLoad, TrialReport

_CHANCE = 0.05


@dataclass(frozen=True)
class _Figures:
    """How often a cell failed and passed, and how often the machine was busy then."""

    failures: int
    busy_failures: int
    passes: int
    busy_passes: int
    measure: str

    @staticmethod
    def of(red: Sequence[MachineLoad], green: Sequence[MachineLoad]) -> _Figures:
        busy = [load for load in red if load.busy]
        busiest = max(busy, key=lambda load: load.cpu or 0.0, default=None)
        measure = busiest.busy if busiest else ""
        return _Figures(len(red), len(busy), len(green), sum(bool(load.busy) for load in green), measure)

    @property
    def p_value(self) -> float:
        return fisher(self.busy_failures, self.failures, self.busy_passes, self.passes)

    @property
    def more_often(self) -> bool:
        """Whether the machine was busy in a larger share of failures than of passes."""
        return self.busy_failures * self.passes > self.busy_passes * self.failures


def load_contrasts(trials: Sequence[TrialReport]) -> tuple[LoadContrast, ...]:
    """Find cells that fail significantly more often under load; cells with equal figures share an entry.

    Trials of unknown load are ignored. The measure is that of the busiest failure.
    """
    known = [(trial.load, trial.outcomes) for trial in trials if trial.load is not None]
    groups: dict[_Figures, list[str]] = {}
    for cell in dict.fromkeys(cell for _, outcomes in known for cell in outcomes):
        red = [load for load, outcomes in known if outcomes.get(cell) in RED]
        green = [load for load, outcomes in known if outcomes.get(cell) == Outcome.PASSED]
        groups.setdefault(_Figures.of(red, green), []).append(cell)
    return tuple(
        LoadContrast(cells=tuple(cells), p_value=figures.p_value, **asdict(figures))
        for figures, cells in groups.items()
        if figures.more_often and figures.p_value < _CHANCE
    )
