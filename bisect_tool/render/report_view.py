"""Group a document's results for the reports: culprits with their cells, candidates, cells by finding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.format import count, duration, hours
from bisect_tool.git.forge import Forge, forge_of
from bisect_tool.json_document.tally import Tally, tally

if TYPE_CHECKING:
    from collections.abc import Collection

    from bisect_tool.json_document.document import (
        CellReport,
        CommitInfo,
        Document,
        FailRates,
        NativeChange,
        OtherFailureReport,
    )

_ALMOST_ALWAYS = 0.9
"""A failure rate of at least this is not mentioned: few runs cannot distinguish it from 1."""
_MAX_VARIANTS = 4
_PARAMETERS = re.compile(r"\[(?P<first>[^\]\-]*)")


@dataclass(frozen=True)
class CulpritView:
    """A culprit, the cells it breaks, its last good parent, and the trial counts of both.

    `other_failure` and `in_doubt` say why it is only a suspect: the cells fail differently than at the bad
    end, or the finding is in doubt for another reason.
    """

    commit: CommitInfo
    cells: tuple[str, ...]
    last_good: str | None
    at_culprit: Tally
    at_last_good: Tally
    other_failure: OtherFailureReport | None = None
    in_doubt: str = ""


@dataclass(frozen=True)
class CandidateView:
    """A commit that may be the first bad one; `reason` says why it could not be tested, if so."""

    sha: str
    reason: str
    chance: float | None


@dataclass(frozen=True)
class Labels:
    """Labels of the report, which differ between searches for a regression and for a fix."""

    culprit: str
    before: str
    first: str
    effect: str


def labels(document: Document) -> Labels:
    """Return the labels for the document's kind of search."""
    if document.find == "fix":
        return Labels("Fixed by", "Last bad", "First good", "Fixes")
    return Labels("Culprit", "Last good", "First bad", "Breaks")


def earlier_results(document: Document) -> str:
    """A sentence with the number of earlier results that counted as evidence; empty if none were read."""
    known = document.earlier_results
    if known is None:
        return ""
    return f"{count(known.results, 'earlier result')} at {count(known.commits, 'commit')} counted as evidence"


@dataclass(frozen=True)
class CandidatesView:
    """The commits that may be the first bad one of these cells."""

    cells: tuple[str, ...]
    candidates: tuple[CandidateView, ...]


def culprits(document: Document) -> tuple[CulpritView, ...]:
    """Return each culprit once, in the order of the cells."""
    found: dict[str, CommitInfo] = {}
    for report in document.cells.values():
        if report.culprit:
            found.setdefault(report.culprit.sha, report.culprit)
    return tuple(_culprit(document, commit) for commit in found.values())


def _culprit(document: Document, commit: CommitInfo) -> CulpritView:
    cells = _cells_with_culprit(document, commit.sha)
    before = (document.cells[cell].last_good for cell in cells)
    last_good = next((sha for sha in before if sha), None)
    trials = document.trials
    return CulpritView(
        commit,
        cells,
        last_good,
        tally(trials, commit.sha, cells),
        tally(trials, last_good, cells),
        next((other for cell in cells if (other := document.cells[cell].other_failure)), None),
        next((text for cell in cells if (text := _in_doubt(document.cells[cell]))), ""),
    )


def _in_doubt(report: CellReport) -> str:
    return report.note if report.finding == "suspect" and report.other_failure is None else ""


def candidates(document: Document) -> tuple[CandidatesView, ...]:
    """Return each set of candidates once, in the order of the cells."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for cell, report in document.cells.items():
        if report.finding == "candidates":
            groups.setdefault(report.candidates, []).append(cell)
    return tuple(
        CandidatesView(tuple(cells), _candidate_views(document.cells[cells[0]])) for cells in groups.values()
    )


def cells_found(document: Document, *findings: str) -> tuple[str, ...]:
    """The cells with one of these findings."""
    return tuple(cell for cell, report in document.cells.items() if report.finding in findings)


def common_file(cells: Collection[str]) -> str:
    """Return the test file that all cells share; empty if they differ or do not name one."""
    files = {cell.partition("::")[0] if "::" in cell else "" for cell in cells}
    return files.pop() if len(cells) > 1 and len(files) == 1 else ""


def affected(document: Document) -> tuple[str, ...]:
    """Return the cells that fail because of a commit in the range."""
    return cells_found(document, "culprit", "suspect", "candidates")


@dataclass(frozen=True)
class Contrast:
    """The first parameters of red and of green cells, such as `[4]` and `[1]`; empty unless they differ."""

    red: tuple[str, ...] = ()
    green: tuple[str, ...] = ()


def contrast(document: Document) -> Contrast:
    """Return the first parameters of red and green cells, if they distinguish them and are few."""
    red = _parameters(affected(document))
    green = _parameters(cells_found(document, "green"))
    if not red or not green or set(red) & set(green) or max(len(red), len(green)) > _MAX_VARIANTS:
        return Contrast()
    return Contrast(red, green)


def intermittent_rates(report: CellReport) -> FailRates | None:
    """Return the failure rates of a cell that fails intermittently; else None."""
    rates = report.fail_rates
    return rates if rates and rates.bad < _ALMOST_ALWAYS else None


def subject(document: Document, sha: str) -> str:
    """Return the subject of a commit, empty if unknown."""
    commit = document.commits.get(sha)
    return commit.subject if commit else ""


def native_culprits(document: Document) -> tuple[NativeChange, ...]:
    """Return the culprits among the commits whose native changes were not built."""
    shas = {view.commit.sha for view in culprits(document)}
    return tuple(change for change in document.native_changes if change.sha in shas)


def cost_summary(document: Document) -> str:
    """The cost of a session: `8 trials, 1 environment built, 56 s`, and GPU-hours if trials held GPUs."""
    cost = document.cost
    built = [f"{count(cost.builds, 'environment')} built"] if cost.builds else []
    held = [f"{hours(cost.gpu_seconds)} GPU-hours"] if cost.gpu_seconds else []
    return ", ".join([count(cost.trials, "trial"), *built, _durations(document), *held])


def _durations(document: Document) -> str:
    """Format how long the trials took; with several slots, also the wall time."""
    cost, own = document.cost, [trial for trial in document.trials if not trial.shared]
    slots = 1 + max((trial.slot for trial in own), default=0)
    if slots == 1:
        return duration(cost.seconds)
    wall_time = "" if cost.wall_seconds is None else f"{duration(cost.wall_seconds)} wall time, "
    return f"{wall_time}{duration(cost.seconds)} of trials in {slots} slots"


def forge(document: Document) -> Forge | None:
    """Return the repository's location on GitHub or GitLab, if any."""
    return forge_of(document.origin or document.repo)


def _cells_with_culprit(document: Document, sha: str) -> tuple[str, ...]:
    return tuple(
        cell for cell, report in document.cells.items() if report.culprit and report.culprit.sha == sha
    )


def _candidate_views(report: CellReport) -> tuple[CandidateView, ...]:
    reasons = {skip.sha: skip.reason for skip in report.skipped}
    chances = report.probabilities
    return tuple(CandidateView(sha, reasons.get(sha, ""), chances.get(sha)) for sha in report.candidates)


def _parameters(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first parameters of the cells; empty if one cell has none."""
    matches = [_PARAMETERS.search(cell) for cell in cells]
    firsts = [f"[{match['first']}]" for match in matches if match]
    return tuple(dict.fromkeys(firsts)) if len(firsts) == len(cells) else ()
