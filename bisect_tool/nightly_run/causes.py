"""Group the failures of a watch by cause: a culprit or a set of candidates, with its cells. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from bisect_tool.json_document.nightly import Cause
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.nightly_rules.decision import Nothing
from bisect_tool.nightly_rules.earlier_bisections import Explanation
from bisect_tool.nightly_rules.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.ci_results.observation import CellKey
    from bisect_tool.nightly_rules.decision import Decision
    from bisect_tool.nightly_run.findings import Finding

OPEN: Final = "open"
CANDIDATES: Final = "candidates"
FIXED: Final = "fixed"
_RED = frozenset({Reason.STILL_RED, Reason.OTHER_FAILURE, Reason.BISECTED})
_OVER = frozenset({CellStatus.GREEN, CellStatus.FIXED, CellStatus.MISSING})


@dataclass(frozen=True)
class _Found:
    """The result of one bisection for one cause: the culprit of these cells, or their candidates."""

    finding: Finding
    why: Explanation
    cells: tuple[CellKey, ...]

    def same_cause_as(self, later: _Found) -> bool:
        """Whether a later bisection is about the same cause: its culprit, or candidates of the same cells."""
        if self.why.culprit:
            return later.why == self.why
        same_range = _ends(self.finding) == _ends(later.finding)
        suspects = {later.why.culprit, *later.why.candidates}
        alike = same_range or not suspects.isdisjoint(self.why.candidates)
        return alike and not set(self.cells).isdisjoint(later.cells)


def causes(
    names: Sequence[str],
    findings: Iterable[Finding],
    decisions: Mapping[CellKey, Decision],
    reported: Mapping[str, str],
) -> tuple[Cause, ...]:
    """Return the causes of tonight's failures, and of those that were fixed.

    Args:
        names: the name of the watch, and those that it had before.
        findings: the finished bisections, oldest first.
        decisions: the decision on each cell, based on these findings.
        reported: the last reported state of each cause, by fingerprint.
    """
    groups: list[list[_Found]] = []
    for each in (one for finding in findings for one in _by_cause(finding)):
        group = next((group for group in groups if group[-1].same_cause_as(each)), None)
        if group is None:
            groups.append([each])
        else:
            group.append(each)
    found: dict[str, Cause] = {}
    for group in groups:
        mark = _fingerprint(names, group, reported)
        cause = _cause(mark, group, decisions, reported.get(mark, ""))
        if cause is not None:
            found.setdefault(mark, cause)
    return tuple(found.values())


def reported_state(cause: Cause) -> str:
    """Return the state of a reported cause that later nights compare with."""
    if cause.state == "fixed":
        return FIXED
    return OPEN if cause.culprit else CANDIDATES


def _fingerprint(names: Sequence[str], group: Sequence[_Found], reported: Mapping[str, str]) -> str:
    """Return the hash that identifies a cause from night to night.

    It is made of the watch and the culprit, or else the first cell and its range. A culprit found among
    reported candidates keeps their fingerprint, as does a cause reported under a former name of the watch.
    """
    marks = [
        hashlib.sha256(f"{name}\0{identity}".encode()).hexdigest()[:16]
        for name in names
        for identity in _identities(name, group)
    ]
    return next((mark for mark in marks if mark in reported), marks[0])


def _identities(name: str, group: Sequence[_Found]) -> Iterator[str]:
    """Yield what may identify a cause: the culprit, if there is one, then each cell with its range."""
    if group[-1].why.culprit:
        yield group[-1].why.culprit
    for each in group:
        for key in each.cells:
            yield "\0".join((*astuple(replace(key, series=name)), *_ends(each.finding)))


def _ends(finding: Finding) -> tuple[str, str, str]:
    return finding.known.good, finding.known.bad, finding.known.exception


def _by_cause(finding: Finding) -> Iterator[_Found]:
    """Group the cells by culprit or set of candidates."""
    found: defaultdict[Explanation, list[CellKey]] = defaultdict(list)
    for key, report in finding.reports.items():
        if report.culprit is not None:
            found[Explanation(report.culprit.sha)].append(key)
        elif report.finding == "candidates":
            found[Explanation(candidates=tuple(sorted(report.candidates)))].append(key)
    return (_Found(finding, why, tuple(cells)) for why, cells in found.items())


def _cause(
    mark: str, group: Sequence[_Found], decisions: Mapping[CellKey, Decision], reported: str
) -> Cause | None:
    """Return the cause, or None if it was reported as over."""
    latest = group[-1]
    cells = tuple(dict.fromkeys(key for each in group for key in each.cells))
    report = latest.finding.reports[latest.cells[0]]
    culprit = latest.why.culprit
    made = [decision for key in cells if isinstance(decision := decisions.get(key), Nothing)]
    blamed = [each for each in made if _why(each) in {one.why for one in group}]
    fixed = next((each for each in blamed if each.reason is Reason.FIXED), None)
    state: Literal["new", "open", "fixed"]
    if any(each.reason in _RED for each in blamed):
        state = "open" if reported == (OPEN if culprit else CANDIDATES) else "new"
    elif len(made) == len(cells) and all(map(_is_over, made)) and (fixed or reported in (OPEN, CANDIDATES)):
        state = "fixed"
    else:
        return None
    fix = fixed if state == "fixed" else None
    return Cause(
        fingerprint=mark,
        state=state,
        cells=tuple(name(key) for key in cells),
        good=latest.finding.known.good,
        bad=latest.finding.known.bad,
        exception=latest.finding.known.exception,
        culprit=culprit,
        proven=all(latest.finding.reports[key].finding == "culprit" for key in latest.cells),
        candidates=() if culprit else report.candidates,
        session=latest.finding.session,
        last_red=fix.last_red if fix else "",
        fixed_by=fix.since if fix else "",
        note=_note(made) if state == "fixed" else "",
        document=latest.finding.document,
    )


def _why(decision: Nothing) -> Explanation:
    return Explanation(decision.culprit, () if decision.culprit else tuple(sorted(decision.candidates)))


def _is_over(decision: Nothing) -> bool:
    return decision.reason.status in _OVER


def _note(decisions: Sequence[Nothing]) -> str:
    """Return why a cause is over without a fix, as a sentence; empty if all of its cells pass."""
    gone = sum(each.reason is Reason.GONE for each in decisions)
    if 0 < gone < len(decisions):
        return "Some of its cells are no longer run, and the others pass."
    return f"{'Its cells are' if gone > 1 else 'Its cell is'} no longer run." if gone else ""


def name(key: CellKey) -> str:
    """Return the name of a cell in reports: the test, else the job and shard."""
    shard = f" shard {key.shard}" if key.shard else ""
    return key.cell or f"{key.job}{shard}"
