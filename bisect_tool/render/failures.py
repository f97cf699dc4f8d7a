"""Render failure chains as trees: for each culprit and signature, the root cause and its consequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bisect_tool.format import count, frame_location, short
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from bisect_tool.evidence import Event
    from bisect_tool.json_document.document import Document, FailureReport

SYMPTOM = "first symptom; the root cause is not in the logs"
_FULL_LIMIT = 4
_BRIEF_LIMIT = 10
_MESSAGE_LIMIT = 500
_LINE_LIMIT = 160
_CHAIN_LIMIT = 20
_EXCERPT_LINES = 12
_TIME_WIDTH = len("+0.000 s")
_GUIDE_WIDTH = 4


class Explained(Protocol):
    """A failure to render: of a cell of a session, or of a log."""

    @property
    def root(self) -> Event:
        """The event that failed first."""

    @property
    def chain(self) -> tuple[Event, ...]:
        """The root and its consequences."""

    @property
    def excerpt(self) -> str:
        """Log lines of the root, and one for each consequence."""

    @property
    def symptom(self) -> bool:
        """Whether the root is only a consequence of something missing from the logs."""


@dataclass(frozen=True)
class ShownFailures:
    """Failures to show in full, those to show in one line each, and the number of further ones."""

    full: tuple[FailureReport, ...] = ()
    brief: tuple[FailureReport, ...] = ()
    more: int = 0


def select_failures(document: Document) -> ShownFailures:
    """Select one failure of every culprit in full, then further signatures up to the limits."""
    found = document.failures or ((document.failure,) if document.failure else ())
    first = {failure.sha: failure for failure in reversed(found)}
    ordered = sorted(found, key=lambda failure: first[failure.sha] is not failure)
    full = tuple(ordered[:_FULL_LIMIT])
    rest = ordered[_FULL_LIMIT:]
    return ShownFailures(full, tuple(rest[:_BRIEF_LIMIT]), len(rest[_BRIEF_LIMIT:]))


def render_failures(document: Document) -> RenderableType | None:
    """Render the first failure chains as trees, the others in one line each."""
    found = select_failures(document)
    if not found.full:
        return None
    parts: list[RenderableType] = []
    for failure in found.full:
        parts += [Text()] if parts else []
        parts.append(render_failure(document, failure))
    if found.brief:
        lines = [_text(brief(document, failure), _LINE_LIMIT) for failure in found.brief]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        more = (
            [Text(f"and {count(found.more, 'more signature')}: use --json for the full list", "dim")]
            if found.more
            else []
        )
        parts += [Text(), Text("Other signatures", "bold"), Padding(Group(*lines, *more), (0, 0, 0, 2))]
    return Group(*parts)


def render_failure(document: Document, failure: FailureReport) -> RenderableType:
    """Render one failure as a tree: the root and its consequences, with times relative to the root."""
    parts = [render_chain(failure, f"Why {who(failure)} at {where(document, failure)}")]
    if len(failure.chain) <= 1 and not failure.root.frames:
        text = failure.root.headline
        lines = [line for line in failure.excerpt.splitlines() if line.strip()][-_EXCERPT_LINES:]
        lines = [] if all(line.strip() in text for line in lines) else lines
        parts.append(Padding(Group(*(_text(line, style="dim") for line in lines)), (0, 0, 0, 2)))
    return Group(*parts)


def render_chain(failure: Explained, title: str) -> RenderableType:
    """Render the tree of a failure below its title."""
    parts: list[RenderableType] = [_text(title, style="bold")]
    parts += [Text(f"  {SYMPTOM}", "yellow")] if failure.symptom else []
    return Group(*parts, _tree(failure))


def who(failure: FailureReport) -> str:
    """`test_a fails`, `test_a and 3 more fail`."""
    more = len(failure.cells) - 1
    return f"{failure.cell} and {more} more fail" if more > 0 else f"{failure.cell} fails"


def where(document: Document, failure: FailureReport) -> str:
    """Return the commit at which it fails: the culprit, else the bad end."""
    return short(failure.sha or document.bad)


def brief(document: Document, failure: FailureReport) -> str:
    """A failure in one line."""
    text = failure.root.headline or failure.root.kind
    return f"{where(document, failure)}  {who(failure)}: {text}"


def _tree(failure: Explained) -> RenderableType:
    shown = (failure.root, *failure.chain[1:_CHAIN_LIMIT])
    width = max(len(_role(event)) for event in shown)
    whens = [_after(event, failure.root) for event in shown[1:]]
    label = "symptom" if failure.symptom else "root cause"
    times = max([*map(len, whens), len(label) - _GUIDE_WIDTH]) if whens else _TIME_WIDTH
    root = _event(failure.root, label, times + _GUIDE_WIDTH, width, "bold red")
    tree = Tree(root, guide_style="dim")
    for event, when in zip(shown[1:], whens, strict=True):
        tree.add(_event(event, f"{when:>{times}}", times, width, ""))
    if len(failure.chain) > _CHAIN_LIMIT:
        tree.add(Text(f"and {count(len(failure.chain) - _CHAIN_LIMIT, 'more event')}", "dim"))
    return Padding(tree, (0, 0, 0, 2))


def _after(event: Event, root: Event) -> str:
    """Format the seconds since the root; empty if the log has no times."""
    return f"{event.time - root.time:+.3f} s" if event.time and root.time else ""


def _event(event: Event, when: str, times: int, roles: int, style: str) -> RenderableType:
    """Render one event: time, role, message; below it the innermost frame."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=times)
    grid.add_column(no_wrap=True, min_width=roles)
    grid.add_column(overflow="fold")
    text = event.headline or next(iter(event.lines), event.kind)
    what = _text(text, _MESSAGE_LIMIT, style=style)
    if event.frames:
        what.append(f"\nat {frame_location(event.frames[-1])}", "not bold dim")
    grid.add_row(Text(when, "dim"), Text(_role(event), "cyan"), what)
    return grid


def _role(event: Event) -> str:
    return clean_line(event.role, 40)


def _text(text: str, limit: int = 2000, *, style: str = "") -> Text:
    return Text(clean_line(text, limit), style)
