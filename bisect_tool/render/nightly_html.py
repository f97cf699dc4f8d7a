"""Render the result of a night as one HTML page, which needs no other file, no script and no network.

The templates' environment sanitises and escapes all untrusted text; links go to the forge only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from bisect_tool.format import count, frame_location, listing, short
from bisect_tool.git.forge import called, forge_of
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.failures import who
from bisect_tool.render.markdown import log_line
from bisect_tool.render.nightly import SHOWN, SIGNATURES, by_reason
from bisect_tool.render.nightly_cause import culprit, failure_at, headline, tested_cell
from bisect_tool.render.nightly_markdown import STATES, summary
from bisect_tool.render.public_document import public, without_homes
from bisect_tool.sanitise import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.git.forge import Forge
    from bisect_tool.json_document.document import CellReport, CommitInfo, Document, FailureReport
    from bisect_tool.json_document.nightly import Cause, CommitRuns, NightlyDocument

_EVENTS = 30
_NAMES = 12
_LENGTH = 12_000
_SHOWN = (*SHOWN, (CellStatus.GREEN, "Green"))


@dataclass(frozen=True)
class _CauseView:
    """A cause with what its bisection found, without this machine's folders."""

    cause: Cause
    title: str
    cells: tuple[_CellView, ...]
    document: Document | None
    commit: CommitInfo | None
    forge: Forge | None
    failure: FailureReport | None
    tested: CellReport | None

    @property
    def request(self) -> str:
        """The name of the culprit's pull request, empty if it is not known to have one."""
        return called(self.commit.pr, self.forge) if self.commit and self.commit.pr is not None else ""


@dataclass(frozen=True)
class _CellView:
    """The name of a cell, and its runs at the newest commits."""

    name: str
    recent: tuple[CommitRuns, ...] = ()

    @property
    def failing(self) -> str:
        """The strip in words, for screen readers."""
        failed = sum(each.failed > 0 for each in self.recent)
        return f"failed at {failed} of the newest {count(len(self.recent), 'commit')}"


@dataclass(frozen=True)
class _Group:
    """The cells of one status, by reason, and their share of the bar in percent."""

    slug: str
    label: str
    number: int
    start: float
    width: float
    reasons: dict[str, list[_CellView]]


def nightly_html(night: NightlyDocument) -> str:
    """Render the page of a night; it ends with a newline."""
    causes = [each for state in STATES for each in night.causes if each.state == state]
    return _page(night, summary(night), causes, tuple(_groups(night)), night.failures[:SIGNATURES])


def cause_html(night: NightlyDocument, cause: Cause) -> str:
    """Render the page of one cause of a night, which is the report of its bisection."""
    return _page(night, f"{cause.heading}: {headline(cause)}", [cause])


def _page(
    night: NightlyDocument,
    headline: str,
    causes: Sequence[Cause],
    groups: tuple[_Group, ...] = (),
    failures: Sequence[FailureReport] = (),
) -> str:
    recent = {cell.cell or cell.job: cell.recent for cell in night.cells if cell.recent}
    views = [_view(each, recent) for each in causes]
    template = _environment().get_template("nightly.html.j2")
    return template.render(
        night=night,
        summary=headline,
        forge=forge_of(night.repo) or next((each.forge for each in views if each.forge), None),
        causes=views,
        groups=groups,
        failures=failures,
    )


def _view(cause: Cause, recent: Mapping[str, tuple[CommitRuns, ...]]) -> _CauseView:
    document = public(cause.document) if cause.document else None
    failure = None
    if document:
        failure = failure_at(document, cause.culprit) if cause.culprit else document.failure
    tested = tested_cell(cause)
    return _CauseView(
        cause,
        headline(cause),
        tuple(_CellView(each, recent.get(each, ())) for each in cause.cells),
        document,
        culprit(cause),
        forge_of(cause.document.origin or cause.document.repo) if cause.document else None,
        failure,
        tested[1] if tested else None,
    )


def _groups(night: NightlyDocument) -> Iterator[_Group]:
    numbers = Counter(cell.status for cell in night.cells)
    shown = [(status, label) for status, label in _SHOWN if numbers[status]]
    widths = [100 * numbers[status] / len(night.cells) for status, _ in shown]
    for (status, label), start, width in zip(shown, accumulate(widths, initial=0), widths, strict=False):
        cells = [cell for cell in night.cells if cell.status is status]
        slug = status.value.replace(" ", "-")
        reasons = {
            why: [_CellView(each.label, each.recent) for each in alike]
            for why, alike in by_reason(cells).items()
        }
        yield _Group(slug, label, len(cells), start, width, reasons)


def _outcome(runs: CommitRuns) -> str:
    """The CSS class of a commit in the strip."""
    if runs.failed:
        return "flaky" if runs.passed else "still-red"
    return "green" if runs.passed else "infrastructure"


def _outcome_words(runs: CommitRuns) -> str:
    counts = [f"{runs.passed} passed"] * bool(runs.passed) + [f"{runs.failed} failed"] * bool(runs.failed)
    return f"{short(runs.commit)}: {listing(counts) or 'the infrastructure failed'}"


def _plain(value: object) -> object:
    """Prepare a value for escaping: sanitised, without this machine's folders, and not too long."""
    if isinstance(value, (int, float)) or hasattr(value, "__html__"):  # output of our macros is safe
        return value
    text = without_homes(clean(str(value)))
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bisect_tool.render"),
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "short": short,
        "who": who,
        "log_line": log_line,
        "frame_location": lambda frames: frame_location(frames[-1]),
        "after": lambda event, root: f"{event.time - root.time:+.3f} s",
        "figure": lambda number: f"{number:.2f}",
        "outcome": _outcome,
        "outcome_words": _outcome_words,
    }
    environment.globals |= {"events": _EVENTS, "names": _NAMES}
    return environment
