"""The causes of a watch's failures: one for each culprit, whatever the number of its cells. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bisect_tool.nightly.decision import Nothing
from bisect_tool.nightly.reason import Reason
from bisect_tool.results.nightly import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bisect_tool.nightly.decision import Decision
    from bisect_tool.sources.observation import CellKey
    from bisect_tool.watch.findings import Finding

OPEN: Final = "open"
FIXED: Final = "fixed"
_RED = frozenset({Reason.STILL_RED, Reason.OTHER_FAILURE, Reason.BISECTED})
_PASSING = frozenset({Reason.FIXED, Reason.GREEN, Reason.PASSED_AGAIN})


@dataclass(frozen=True)
class _Found:
    """What one bisection says about one cause."""

    finding: Finding
    cells: tuple[CellKey, ...]


def causes(
    watch: str,
    findings: Iterable[Finding],
    decisions: Mapping[CellKey, Decision],
    reported: Mapping[str, str],
) -> tuple[Cause, ...]:
    """The causes of what is red tonight, and of what was until it was fixed.

    Args:
        watch: its name.
        findings: the bisections that ended, oldest first.
        decisions: about each cell, with all of these known.
        reported: the fingerprints of earlier nights with the state that was reported last.
    """
    groups: defaultdict[str, list[_Found]] = defaultdict(list)
    for finding in findings:
        for what, cells in _by_cause(finding).items():
            groups[fingerprint(watch, what)].append(_Found(finding, cells))
    found = (_cause(mark, group, decisions, reported.get(mark, "")) for mark, group in groups.items())
    return tuple(each for each in found if each is not None)


def fingerprint(watch: str, cause: str) -> str:
    """What identifies a cause from night to night."""
    return hashlib.sha256(f"{watch}\0{cause}".encode()).hexdigest()[:16]


def _by_cause(finding: Finding) -> dict[str, tuple[CellKey, ...]]:
    """The cells of each culprit, and of each set of candidates."""
    found: defaultdict[str, list[CellKey]] = defaultdict(list)
    for key, report in finding.reports.items():
        if report.culprit is not None:
            found[report.culprit.sha].append(key)
        elif report.finding == "candidates":
            found[" ".join(sorted(report.candidates))].append(key)
    return {what: tuple(cells) for what, cells in found.items()}


def _cause(
    mark: str, group: Sequence[_Found], decisions: Mapping[CellKey, Decision], reported: str
) -> Cause | None:
    """The cause, or None if it is long over."""
    latest = group[-1]
    cells = tuple(dict.fromkeys(key for each in group for key in each.cells))
    report = latest.finding.reports[latest.cells[0]]
    culprit = "" if report.culprit is None else report.culprit.sha
    state, fixed_by = _state(cells, culprit, decisions, reported)
    if state is None:
        return None
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
        fixed_by=fixed_by,
        document=latest.finding.document,
    )


def _state(
    cells: Sequence[CellKey], culprit: str, decisions: Mapping[CellKey, Decision], reported: str
) -> tuple[Literal["new", "open", "fixed"] | None, str]:
    """The state of a cause, and the commit from which on it is known to be fixed."""
    made = [decision for key in cells if isinstance(decision := decisions.get(key), Nothing)]
    if any(each.reason in _RED and each.culprit == culprit for each in made):
        return (OPEN if reported == OPEN else "new"), ""
    fixed = [each.since for each in made if each.reason is Reason.FIXED and each.culprit == culprit]
    passes = len(made) == len(cells) and all(each.reason in _PASSING for each in made)
    if passes and (fixed or reported == OPEN):
        return FIXED, next(iter(fixed), "")
    return None, ""


def name(key: CellKey) -> str:
    """A cell as reports call it: with its job where that says more."""
    shard = f" shard {key.shard}" if key.shard else ""
    return key.cell or f"{key.job}{shard}"
