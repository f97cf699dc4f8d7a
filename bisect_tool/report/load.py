"""Failures that go with a busy machine more often than chance would have it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from bisect_tool.report.document import LoadContrast
from bisect_tool.report.phrase import listing
from bisect_tool.search.intervals import fisher
from bisect_tool.text import clean_line
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from bisect_tool.report.document import Document, MachineLoad, TrialReport

TITLE = "Failures that go with a busy machine"
_CHANCE = 0.05
_CELLS = 4


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
        """Whether failures ran on a busy machine more often than passes did."""
        return self.busy_failures * self.passes > self.busy_passes * self.failures


def load_contrasts(trials: Sequence[TrialReport]) -> tuple[LoadContrast, ...]:
    """Of the cells that fail more often on a busy machine, beyond chance, how often; alike cells together.

    Trials whose load is not known do not count. The measure is that of the busiest failure.
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


def said(contrast: LoadContrast) -> str:
    """`3 of 3 failures ran while the machine was busy (CPU pressure 60 %), 0 of 5 passes`."""
    failures = f"{contrast.busy_failures} of {contrast.failures} failures"
    passes = f"{contrast.busy_passes} of {contrast.passes} passes"
    return f"{failures} ran while the machine was busy ({contrast.measure}), {passes}"


def render_load(document: Document) -> RenderableType | None:
    """A line for each group of cells; None where no failure goes with the load."""
    if not document.load:
        return None
    lines = [Text(clean_line(f"{listing(each.cells, _CELLS)}: {said(each)}")) for each in document.load]
    return Group(Text(TITLE, "bold yellow"), Padding(Group(*lines), (0, 0, 0, 2)))
