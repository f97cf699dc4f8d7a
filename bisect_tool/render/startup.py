"""Compare the start-up times of the engine's processes between good and bad commits.

Without a search (`repro`, `step`), show those of the commit that was run, or of the two compared.
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
from bisect_tool.evidence.parsed_line import LAUNCHER
from bisect_tool.evidence.timeline import RESOURCE_TRACKER
from bisect_tool.format import short
from bisect_tool.sanitise import clean_line
from bisect_tool.stats import CONFIDENCE, Shift, fisher, shift
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from bisect_tool.evidence import ProcessTimeline
    from bisect_tool.json_document.document import Document, TrialReport

START_UP = "Median start-up time from spawn to ready (number of processes)"
DIFFERENT_START_UP = "Start-up times from spawn to ready that differ between good and bad commits"
DIFFERENCE = "difference (95% CI)"
GOOD, BAD = "good commits", "bad commits"
_RESOLUTION_S = 0.1
"""The resolution of differences: timestamps of log lines are accurate to half of it."""
_ROWS = 20
_NAME_LIMIT = 60
# The suite's own logs: one for each rank of each topology.
_RANK_LOG = re.compile(r"(?P<topology>.+)-rank\d+")


@dataclass(frozen=True)
class Span:
    """The start-up of one kind of process on one side; `seconds` is None if none became ready."""

    seconds: float | None
    ready: int
    processes: int

    def __str__(self) -> str:
        if self.seconds is None:
            return f"0 of {self.processes} ready" if self.processes else ""
        number = f"{self.processes}" if self.ready == self.processes else f"{self.ready} of {self.processes}"
        return f"{self.seconds:.1f} s ({number})"


@dataclass(frozen=True)
class StartUp:
    """The start-up of one kind of process, such as `Worker [4]`, on each side of the table.

    `shift` is the difference between the last and the first side, over trials, None if there are too few;
    `ready_p` is the p-value of the difference in the number of trials where it never became ready.
    """

    name: str
    spans: tuple[Span, ...]
    shift: Shift | None = None
    ready_p: float = 1.0

    @property
    def reports_ready(self) -> bool:
        """Whether processes of this kind log that they are ready; launchers and trackers do not."""
        return self.name.partition(" ")[0] not in {LAUNCHER, RESOURCE_TRACKER}

    @property
    def is_different(self) -> bool:
        """Whether the sides differ significantly, and by at least the resolution of timestamps."""
        found = self.shift
        slower = found is not None and found.is_significant and abs(found.middle) >= _RESOLUTION_S
        return slower or self.ready_p < 1 - CONFIDENCE

    @property
    def difference(self) -> str:
        """`+2.3 s (+1.1 to +3.0)`: with its interval, if there is one; empty if a side is unknown."""
        first, last = self.spans[0].seconds, self.spans[-1].seconds
        if len(self.spans) == 1 or first is None or last is None:
            return ""
        if self.shift is None:
            return _signed(last - first)
        return f"{_signed(self.shift.middle)} ({_signed(self.shift.low)} to {_signed(self.shift.high)})"


def title(document: Document) -> str:
    """The title of the table."""
    return START_UP if _tested_commits(document) else DIFFERENT_START_UP


def sides(document: Document) -> tuple[str, ...]:
    """Return the column heads: good and bad commits, or the commits of `repro` or `step`."""
    return _tested_commits(document) or (GOOD, BAD)


def _tested_commits(document: Document) -> tuple[str, ...]:
    """The commits that `repro` or `step` ran; empty for a search."""
    if document.repro is None:
        return (short(document.bad),) if document.command == "step" else ()
    return tuple(short(sha) for sha in (document.repro.against, document.bad) if sha)


def start_ups(document: Document) -> tuple[StartUp, ...]:
    """Return the start-up of each kind of process, in the order in which they are spawned.

    For a search, only kinds that differ significantly; trials on a busy machine do not count. For `repro` and
    `step`, every kind, ready or not. Topologies are separate: four API servers start later than one, and a
    trial may run only one topology.
    """
    names, side_of, tested = sides(document), sides_of(document), bool(_tested_commits(document))
    outcomes_at: dict[str, dict[str, list[list[float | None]]]] = {}
    for trial in document.trials:
        if trial.sha in side_of and (tested or is_quiet(trial)):
            for kind, seconds in _measured(trial.timeline).items():
                outcomes_at.setdefault(kind, {name: [] for name in names})[side_of[trial.sha]].append(seconds)
    found = (_start_up(kind, [*trials.values()]) for kind, trials in outcomes_at.items())
    return tuple(row for row in found if _is_shown(row, tested=tested))[:_ROWS]


def _is_shown(row: StartUp, *, tested: bool) -> bool:
    return row.reports_ready or any(span.ready for span in row.spans) if tested else row.is_different


def render_start_ups(document: Document) -> RenderableType | None:
    """Render a row for each kind of process; None without rows."""
    rows, names = start_ups(document), sides(document)
    if not rows:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("process", overflow="fold")
    differ = any(row.difference for row in rows)
    for name in (*names, DIFFERENCE) if differ else names:
        table.add_column(name, justify="right")
    for row in rows:
        difference = [row.difference] if differ else []
        table.add_row(Text(row.name), *map(str, row.spans), *difference)
    return Group(Text(title(document), "bold"), table)


def is_quiet(trial: TrialReport) -> bool:
    """Whether the machine is not known to have been busy with other work during a trial."""
    return trial.load is None or not trial.load.busy


def sides_of(document: Document) -> dict[str, str]:
    """Return the side (good or bad) of each commit that gave a result.

    It is bad if a cell failed there, good if cells passed and none failed. Cells that fail at both ends do
    not count, nor do failures other than the one searched for.
    """
    if tested := _tested_commits(document):
        named = (document.repro.against if document.repro else None, document.bad)
        return {sha: short(sha) for sha in named if sha and short(sha) in tested}
    ignored = {cell for cell, report in document.cells.items() if report.finding == "always red"}
    ignored = ignored if len(ignored) < len(document.cells) else set()
    skipped = {skip.sha for report in document.cells.values() for skip in report.skipped}
    outcomes_at: dict[str, set[str]] = {}
    for trial in document.trials:
        outcomes = {outcome for cell, outcome in trial.outcomes.items() if cell not in ignored}
        outcomes_at.setdefault(trial.sha, set()).update(outcomes)
    return {
        sha: BAD if any(outcome in outcomes for outcome in RED) else GOOD
        for sha, outcomes in outcomes_at.items()
        if sha not in skipped and (Outcome.PASSED in outcomes or any(outcome in outcomes for outcome in RED))
    }


def _measured(timeline: Sequence[ProcessTimeline]) -> dict[str, list[float | None]]:
    """The seconds from spawn to ready of each process whose start was logged, by kind; None: never ready."""
    found: dict[str, list[float | None]] = {}
    for process in timeline:
        if process.role and process.spawned is not None:
            ready = None if process.ready is None else max(process.ready - process.spawned, 0.0)
            found.setdefault(_kind(process), []).append(ready)
    return found


def _start_up(kind: str, trials: Sequence[Sequence[Sequence[float | None]]]) -> StartUp:
    """The start-up of a kind, from the times in each trial of each side; a trial counts by its median."""
    spans = tuple(_span([value for trial in side for value in trial]) for side in trials)
    if len(trials) == 1:
        return StartUp(kind, spans)
    ready = [[value for value in map(_median_ready, side) if value is not None] for side in trials]
    good, bad = len(trials[0]), len(trials[-1])
    p_value = fisher(good - len(ready[0]), good, bad - len(ready[-1]), bad)
    return StartUp(kind, spans, shift(ready[-1], ready[0]), p_value)


def _median_ready(trial: Sequence[float | None]) -> float | None:
    ready = [value for value in trial if value is not None]
    return median(ready) if ready else None


def _signed(seconds: float) -> str:
    # Adding zero turns -0.0 into 0.0.
    return f"{round(seconds, 1) + 0.0:+.1f} s"


def _kind(process: ProcessTimeline) -> str:
    topology = _RANK_LOG.fullmatch(process.source)
    role = general_role(process.role)
    return clean_line(f"{role} [{topology['topology']}]" if topology else role, _NAME_LIMIT)


def _span(seconds: Sequence[float | None]) -> Span:
    ready = [value for value in seconds if value is not None]
    return Span(median(ready) if ready else None, len(ready), len(seconds))
