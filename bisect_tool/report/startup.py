"""How long the engine's processes took to start, at good commits and at bad ones: from the timelines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bisect_tool.evidence import general_role
from bisect_tool.text import clean_line
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from bisect_tool.evidence import ProcessTimeline
    from bisect_tool.report.document import Document

START_UP = "Start-up, from spawned to ready: the median, and of how many processes"
_ROWS = 20
_NAME_LIMIT = 60
# The suite's own logs: one for each rank of each topology.
_RANK_LOG = re.compile(r"(?P<topology>.+)-rank\d+")


@dataclass(frozen=True)
class Span:
    """Processes of one kind at commits of one side; `seconds` is None where none of them became ready."""

    seconds: float | None
    ready: int
    processes: int

    def __str__(self) -> str:
        if self.seconds is None:
            return f"none of {self.processes} ready" if self.processes else ""
        number = f"{self.processes}" if self.ready == self.processes else f"{self.ready} of {self.processes}"
        return f"{self.seconds:.1f} s ({number})"


@dataclass(frozen=True)
class StartUp:
    """The start of one kind of process, such as `ApiServer [4]`, on either side."""

    name: str
    good: Span
    bad: Span

    @property
    def difference(self) -> str:
        """How much longer it takes at bad commits; empty where one side is not known."""
        if self.good.seconds is None or self.bad.seconds is None:
            return ""
        # Zero is added because a difference that rounds to -0.0 is none.
        return f"{round(self.bad.seconds - self.good.seconds, 1) + 0.0:+.1f} s"


def start_ups(document: Document) -> tuple[StartUp, ...]:
    """The kinds of process that became ready anywhere, in the order in which they are spawned.

    A commit is bad if a cell failed there, good if cells passed and none failed; commits that told nothing
    (another failure, not built) count on neither side. Topologies are kept apart: four API servers start
    later than one, and a trial need not run both.
    """
    skipped = {skip.sha for report in document.cells.values() for skip in report.skipped}
    seen: dict[str, set[str]] = {}
    for trial in document.trials:
        seen.setdefault(trial.sha, set()).update(trial.outcomes.values())
    spans: dict[str, tuple[list[float | None], list[float | None]]] = {}
    for trial in document.trials:
        bad = any(outcome in seen[trial.sha] for outcome in RED)
        if trial.sha in skipped or not (bad or Outcome.PASSED in seen[trial.sha]):
            continue
        for name, seconds in _measured(trial.timeline):
            spans.setdefault(name, ([], []))[bad].append(seconds)
    found = (StartUp(name, _span(good), _span(bad)) for name, (good, bad) in spans.items())
    return tuple(row for row in found if row.good.ready or row.bad.ready)[:_ROWS]


def render_start_ups(document: Document) -> RenderableType | None:
    """A row for each kind of process; None where no timeline is known."""
    rows = start_ups(document)
    if not rows:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("process", overflow="fold")
    for side in ("good commits", "bad commits", "difference"):
        table.add_column(side, justify="right")
    for row in rows:
        table.add_row(Text(row.name), str(row.good), str(row.bad), row.difference)
    return Group(Text(START_UP, "bold"), table)


def _measured(timeline: Sequence[ProcessTimeline]) -> Iterator[tuple[str, float | None]]:
    """The kind of every named process whose start was seen, and the seconds until it was ready."""
    for process in timeline:
        if process.role and process.spawned is not None:
            ready = None if process.ready is None else max(process.ready - process.spawned, 0.0)
            yield _kind(process), ready


def _kind(process: ProcessTimeline) -> str:
    topology = _RANK_LOG.fullmatch(process.source)
    role = general_role(process.role)
    return clean_line(f"{role} [{topology['topology']}]" if topology else role, _NAME_LIMIT)


def _span(seconds: Sequence[float | None]) -> Span:
    ready = [value for value in seconds if value is not None]
    return Span(median(ready) if ready else None, len(ready), len(seconds))
