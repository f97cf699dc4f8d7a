"""Compose the report of a culprit: what it changes, and how its cells ran at its parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.json_document.document import CulpritReport, FileChange, ParentRuns, PinChange
from bisect_tool.json_document.tally import tally

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bisect_tool.git import Changes
    from bisect_tool.json_document.document import TrialReport

_FILES_KEPT = 200
_PINS_KEPT = 200


def parent_runs(
    parents: Sequence[str], cells: Collection[str], trials: Sequence[TrialReport]
) -> tuple[ParentRuns, ...]:
    """Count trials, runs and failures of a culprit's cells at each of its parents."""
    seen = {sha: tally(trials, sha, cells) for sha in parents}
    return tuple(
        ParentRuns(sha=sha, trials=each.trials, runs=each.runs, failed=each.failed)
        for sha, each in seen.items()
    )


def merge_itself(parents: Sequence[ParentRuns], unknown: Collection[str], *, fix: bool) -> bool:
    """Whether a merge itself is the culprit, not a commit that it merges: no parent has the failure.

    A parent that is not among the `unknown` commits needs no runs: it is an end or an ancestor of one.
    """
    return len(parents) > 1 and all(_unlike(each, unknown, fix=fix) for each in parents)


def _unlike(parent: ParentRuns, unknown: Collection[str], *, fix: bool) -> bool:
    if not parent.runs:
        return parent.sha not in unknown
    return parent.failed == parent.runs if fix else parent.failed == 0


def culprit_report(parents: tuple[ParentRuns, ...], found: Changes, *, itself: bool) -> CulpritReport:
    """Compose a culprit's report, with at most the first 200 files and pins."""
    return CulpritReport(
        parents=parents,
        merge_itself=itself,
        files=tuple(
            FileChange(path=each.path, added=each.added, removed=each.removed, was=each.was, mode=each.mode)
            for each in found.files[:_FILES_KEPT]
        ),
        files_total=len(found.files),
        added=sum(each.added or 0 for each in found.files),
        removed=sum(each.removed or 0 for each in found.files),
        pins=_pin_changes(found),
        note=found.note,
    )


def _pin_changes(found: Changes) -> tuple[PinChange, ...]:
    return tuple(
        PinChange(file=each.file, package=each.pin.package, old=each.pin.old, new=each.pin.new)
        for each in found.pins[:_PINS_KEPT]
    )
