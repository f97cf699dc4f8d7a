"""How long the engine's processes took to start, at good commits and at bad ones: from the timelines.

Where nothing was searched for: at the commit that was run, or at the two that were compared.
"""

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
from bisect_tool.evidence.demux import LAUNCHER
from bisect_tool.evidence.timeline import RESOURCE_TRACKER
from bisect_tool.report.phrase import short
from bisect_tool.text import clean_line
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from bisect_tool.evidence import ProcessTimeline
    from bisect_tool.report.document import Document

START_UP = "Start-up, from spawned to ready: the median, and of how many processes"
_GOOD, _BAD = "good commits", "bad commits"
_ROWS = 20
_NAME_LIMIT = 60
# The suite's own logs: one for each rank of each topology.
_RANK_LOG = re.compile(r"(?P<topology>.+)-rank\d+")


@dataclass(frozen=True)
class Span:
    """Processes of one kind on one side; `seconds` is None where none of them became ready."""

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
    """The start of one kind of process, such as `ApiServer [4]`, on each of the table's sides."""

    name: str
    spans: tuple[Span, ...]

    @property
    def serves(self) -> bool:
        """Whether processes of this kind say that they are ready; a launcher need not, nor a tracker."""
        return self.name.partition(" ")[0] not in {LAUNCHER, RESOURCE_TRACKER}

    @property
    def difference(self) -> str:
        """How much longer it takes on the last side; empty where there is one side, or one is not known."""
        first, last = self.spans[0].seconds, self.spans[-1].seconds
        if len(self.spans) == 1 or first is None or last is None:
            return ""
        # Zero is added because a difference that rounds to -0.0 is none.
        return f"{round(last - first, 1) + 0.0:+.1f} s"


def sides(document: Document) -> tuple[str, ...]:
    """What the columns are called: the sides of a search that were seen, or the commits that `repro` ran."""
    if document.repro is None:
        seen = set(_sides(document).values())
        return tuple(name for name in (_GOOD, _BAD) if name in seen)
    return tuple(short(sha) for sha in (document.repro.against, document.bad) if sha)


def start_ups(document: Document) -> tuple[StartUp, ...]:
    """The kinds of process that became ready anywhere, in the order in which they are spawned.

    Where one commit was asked about, those that never did, too. Topologies are kept apart: four API servers
    start later than one, and a trial need not run both.
    """
    names, side_of = sides(document), _sides(document)
    spans: dict[str, dict[str, list[float | None]]] = {}
    for trial in document.trials:
        if trial.sha not in side_of:
            continue
        for kind, seconds in _measured(trial.timeline):
            spans.setdefault(kind, {name: [] for name in names})[side_of[trial.sha]].append(seconds)
    found = (StartUp(kind, tuple(map(_span, seen.values()))) for kind, seen in spans.items())
    kept = (row for row in found if any(span.ready for span in row.spans) or (document.repro and row.serves))
    return tuple(kept)[:_ROWS]


def render_start_ups(document: Document) -> RenderableType | None:
    """A row for each kind of process; None where no timeline is known."""
    rows, names = start_ups(document), sides(document)
    if not rows:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("process", overflow="fold")
    for name in names if len(names) == 1 else (*names, "difference"):
        table.add_column(name, justify="right")
    for row in rows:
        difference = [row.difference] if len(names) > 1 else []
        table.add_row(Text(row.name), *map(str, row.spans), *difference)
    return Group(Text(START_UP, "bold"), table)


def _sides(document: Document) -> dict[str, str]:
    """The side of each commit; one that told nothing is on none.

    It is bad if a cell failed there, good if cells passed and none failed. What a cell says that fails at
    both ends does not count, nor a failure that is another than the one searched for.
    """
    if document.repro is not None:
        return {sha: short(sha) for sha in (document.repro.against, document.bad) if sha}
    aside = {cell for cell, report in document.cells.items() if report.finding == "always red"}
    aside = aside if len(aside) < len(document.cells) else set()
    skipped = {skip.sha for report in document.cells.values() for skip in report.skipped}
    seen: dict[str, set[str]] = {}
    for trial in document.trials:
        told = {outcome for cell, outcome in trial.outcomes.items() if cell not in aside}
        seen.setdefault(trial.sha, set()).update(told)
    return {
        sha: _BAD if any(outcome in told for outcome in RED) else _GOOD
        for sha, told in seen.items()
        if sha not in skipped and (Outcome.PASSED in told or any(outcome in told for outcome in RED))
    }


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
