"""What a bisection would do, before it does it: the candidates, the environments and the trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bisect_tool.report.phrase import count, listing, short
from bisect_tool.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.history import Commit

_SHOWN = 40
_PATH_LIMIT = 5
_TEXT_LIMIT = 500


@dataclass(frozen=True)
class Plan:
    """What `run` would do.

    Attributes:
        goods: The good ends.
        commits: The candidates, ancestors first; the last is the bad end.
        repo: The repository as it was found.
        check: What would be run at each commit.
        environments: How many environments would be built at most; 0 where none is needed.
        native: The native files that commits change, by commit.
        pinned: One compiled base serves all commits, whatever native files they change.
        ends: Trials that verify the ends.
        narrow: Trials that narrow the range down, at most.
        confirm: Trials that confirm the answer, at most.
    """

    goods: tuple[Commit, ...]
    commits: tuple[Commit, ...]
    repo: str
    check: str
    environments: int
    native: Mapping[str, tuple[str, ...]]
    pinned: bool
    ends: int
    narrow: int
    confirm: int


def render_plan(plan: Plan) -> RenderableType:
    """How much there is to search and what that takes; then the candidates and their native files."""
    sections = (_summary(plan), _native(plan), _candidates(plan.commits))
    present = [section for section in sections if section is not None]
    return Group(present[0], *(part for section in present[1:] for part in (Text(), section)))


def _summary(plan: Plan) -> RenderableType:
    grid = _grid(2)
    bad = plan.commits[-1]
    grid.add_row(_label("Candidates"), _text(f"{count(len(plan.commits), 'commit')} in {plan.repo}", "bold"))
    for good in plan.goods:
        grid.add_row(_label("Good"), _commit(good, "green"))
    grid.add_row(_label("Bad"), _commit(bad, "red"))
    grid.add_row(_label("Check"), _text(plan.check))
    most = plan.ends + plan.narrow + plan.confirm
    parts = f"{plan.ends} for the ends, {plan.narrow} to narrow, {plan.confirm} to confirm"
    grid.add_row(_label("Trials"), Text(f"up to {most}: {parts}"))
    grid.add_row(_label("Environments"), Text(_environments(plan)))
    return grid


def _environments(plan: Plan) -> str:
    if plan.environments == 0:
        return "none: the command runs in the commit's worktree"
    if plan.pinned:
        return "1, with one compiled base for all commits"
    return f"up to {plan.environments}" if plan.environments > 1 else "1, shared by all commits"


def _native(plan: Plan) -> RenderableType | None:
    if not plan.native:
        return None
    grid = _grid(2)
    for sha, paths in plan.native.items():
        grid.add_row(Text(short(sha)), _text(listing(paths, _PATH_LIMIT)))
    title = "Native files change at"
    if plan.pinned:
        title = "Native files change at these commits, which the pinned base does not follow"
    return _section(title, grid)


def _candidates(commits: Sequence[Commit]) -> RenderableType:
    numbered = any(commit.pr is not None for commit in commits)
    grid = _grid(3 if numbered else 2)
    half = _SHOWN // 2
    left_out = len(commits) - _SHOWN
    for commit in commits if left_out <= 0 else commits[:half]:
        grid.add_row(*_candidate(commit, numbered))
    if left_out > 0:
        grid.add_row(Text("..."), *[Text()] * numbered, Text(f"{left_out} more", "dim"))
        for commit in commits[-half:]:
            grid.add_row(*_candidate(commit, numbered))
    return _section("Candidates, oldest first", grid)


def _candidate(commit: Commit, numbered: bool) -> tuple[Text, ...]:
    """A row; the pull request's number has a column of its own."""
    number = "" if commit.pr is None else f"#{commit.pr}"
    subject = _text(commit.subject.removesuffix(f" ({number})"))
    name = Text(short(commit.sha))
    return (name, Text(number, "cyan"), subject) if numbered else (name, subject)


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(title, "bold"), Padding(body, (0, 0, 0, 2)))


def _grid(columns: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns - 1):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _label(text: str) -> Text:
    return Text(text, "bold")


def _commit(commit: Commit, style: str) -> Text:
    return Text.assemble((short(commit.sha), style), "  ", clean_line(commit.subject, _TEXT_LIMIT))


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
