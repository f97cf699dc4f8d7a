"""Render `status`: a table of sessions, or one session. The current time is passed as `now`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bisect_tool.disk_usage.size import format_size
from bisect_tool.format import SHORT, count, duration, outcome_text, short
from bisect_tool.render.console import render_answer, render_cells
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.json_document.document import Document, TrialReport
    from bisect_tool.json_document.status import DiskUsage, SessionSummary, StatusDocument

_TEXT_LIMIT = 200
_STATE_STYLE = {"running": "cyan", "resumable": "yellow"}


def render_sessions(document: StatusDocument, now: datetime) -> RenderableType:
    """Render a table of sessions in the order given, and the disk usage of the home.

    The repositories are listed below the table. If there are several, each session has the name of its own.
    """
    if not document.sessions:
        return Text("no sessions yet")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("session", "command", "age", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("logs", no_wrap=True, justify="right")
    table.add_column("range", overflow="fold", min_width=SHORT + 2)
    names = _names([line.repo for line in document.sessions if line.repo])
    if len(names) > 1:
        table.add_column("repository", overflow="ellipsis")
    table.add_column("conclusion", overflow="fold")
    for line in document.sessions:
        table.add_row(
            _text(line.session),
            _text(f"nightly {line.watch}" if line.watch else line.command),
            age((now - datetime.fromisoformat(line.created)).total_seconds()),
            _text(line.state, _STATE_STYLE.get(line.state, "")),
            _logs(line),
            _Range(clean_line(line.range, _TEXT_LIMIT)),
            *([_text(names.get(line.repo, ""))] if len(names) > 1 else []),
            _text(line.conclusion),
        )
    below = (_unbroken(f"repository: {repository}") for repository in names)
    return Group(table, Text(), *below, _usage(document.disk))


@dataclass(frozen=True)
class _Range:
    """`GOOD..BAD`; on a narrow terminal, BAD is on a line of its own."""

    text: str

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        lines = self._lines(options).split("\n")
        return Measurement(min(map(len, lines)), max(map(len, lines)))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._lines(options))

    def _lines(self, options: ConsoleOptions) -> str:
        return self.text if len(self.text) <= options.max_width else self.text.replace("..", "..\n", 1)


def _names(repositories: Collection[str]) -> dict[str, str]:
    """Name each repository by its last folders: as few as distinguish them."""
    parts = {each: PurePosixPath(each).parts for each in repositories}
    most = max(map(len, parts.values()), default=1)
    for number in range(1, most + 1):
        names = {each: str(PurePosixPath(*found[-number:])) for each, found in parts.items()}
        if len(set(names.values())) == len(names):
            return names
    return {each: each for each in repositories}


def _logs(line: SessionSummary) -> str:
    """The size of a session's logs, `pruned` if they were removed."""
    return format_size(line.logs_bytes) if line.logs_bytes or not line.logs_pruned else "pruned"


def _usage(disk: DiskUsage) -> Text:
    """`Disk: 25.1 GiB: 4 environments 24.0 GiB, ...`."""
    counted = (("environment", disk.environments), ("worktree", disk.worktrees))
    parts = [f"{count(part.number, noun)} {format_size(part.bytes)}" for noun, part in counted if part.number]
    named = (
        ("repositories", disk.repositories),
        ("logs", disk.logs),
        ("store", disk.store),
        ("other", disk.other),
    )
    parts += [f"{name} {format_size(part.bytes)}" for name, part in named if part.bytes]
    return Text(f"disk: {format_size(disk.total.bytes)} ({', '.join(parts)})")


def render_session(document: Document, now: datetime) -> RenderableType:
    """Render one session, finished or not: its result so far, its cells, and its trials."""
    elapsed = age((now - datetime.fromisoformat(document.created)).total_seconds())
    started = "just now" if elapsed == "now" else f"{elapsed} ago"
    state = "running" if document.running else "resumable" if document.resumable else "ended"
    head = _text(f"Session {document.session}, started {started}, {state}", "bold")
    cells = render_cells(document)
    parts: list[RenderableType] = [head, render_answer(document)]
    parts += [Text(), cells] if cells is not None else []
    parts += [Text(), _trials(document)]
    if document.resumable:
        parts += [Text(), _text(f"Resume with: bisect-run resume {document.session}")]
    return Group(*parts)


def age(seconds: float) -> str:
    """The age in one unit: `now`, `5 min`, `3 h`, `2 d`."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h"
    return f"{int(seconds // 86400)} d"


def _trials(document: Document) -> RenderableType:
    if not document.trials:
        return Text("no trials yet")
    grid = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("right", "left", "left", "left"):
        grid.add_column(justify=justify, no_wrap=justify == "right")
    for number, trial in enumerate(document.trials, 1):
        grid.add_row(str(number), _text(short(trial.sha)), _text(trial.purpose), _text(_result_of(trial)))
    return grid


def _result_of(trial: TrialReport) -> str:
    where = f", on {trial.where}" if trial.where else ""
    outcome = outcome_text(trial.outcome, trial.reason, trial.outcomes.values())
    return f"{outcome}, {duration(trial.seconds)}{where}"


def _unbroken(text: str) -> Text:
    """A line to copy from, which runs past the width."""
    return Text(clean_line(text, _TEXT_LIMIT), no_wrap=True, overflow="ignore")


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
