"""Format what a culprit changes: files with line counts, pinned requirements, parents of a merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import count
from bisect_tool.json_document.tally import tally

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bisect_tool.json_document.document import CulpritReport, Document, FileChange, PinChange


_FILES_SHOWN = 6
_PINS_SHOWN = 8


def merged(document: Document, report: CulpritReport) -> str:
    """Return a note that the merge itself is the culprit, not a commit that it merges; empty otherwise."""
    if not report.merge_itself:
        return ""
    which = "both parents" if len(report.parents) == 2 else f"all {len(report.parents)} parents"
    if not all(parent.runs for parent in report.parents):
        state = "are bad" if document.find == "fix" else "are good"
    else:
        state = "fail" if document.find == "fix" else "pass"
    return f"{which} {state}, so the merge itself is the culprit"


def no_parent(report: CulpritReport) -> str:
    """Return why a culprit has no parent to compare with."""
    if report.cut_off:
        return "its parents are not in this shallow clone"
    return "the first bad commit is a root commit"


def diffstat(report: CulpritReport) -> str:
    """Format `3 files, +120 -14`, or why it is unknown."""
    if not report.files_total:
        if report.merge_itself:
            return report.note or "no file differs from every parent: the merged sides are incompatible"
        return report.note or "no files"
    lines = "" if report.note else f", +{report.added} -{report.removed}"
    verb = "differs" if report.files_total == 1 else "differ"
    only = f" {verb} from every parent" if report.merge_itself else ""
    return f"{count(report.files_total, 'file')}{only}{lines}"


def file_lines(report: CulpritReport) -> tuple[tuple[tuple[str, str], ...], int]:
    """Return the first files, each with `+12 -3`, and the number of further ones."""
    shown = report.files[:_FILES_SHOWN]
    lines = ((f"{each.was} -> {each.path}" if each.was else each.path, _lines(each)) for each in shown)
    return tuple(lines), report.files_total - len(shown)


def _lines(change: FileChange) -> str:
    known = change.added is not None and change.removed is not None
    lines = f"+{change.added} -{change.removed}" if known and (change.added or change.removed) else ""
    mode = f"mode {change.mode}" if change.mode else ""
    return ", ".join(filter(None, (lines, mode))) or ("+0 -0" if known else "")


def pin_lines(report: CulpritReport) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], int]:
    """Return `torch==2.9.0 -> torch==2.10.0` with its files for each pin, and the number of further ones."""
    files: dict[str, list[str]] = {}
    for pin in report.pins:
        files.setdefault(_pin(pin), []).append(pin.file)
    shown = tuple((text, tuple(where)) for text, where in files.items())
    return shown[:_PINS_SHOWN], len(shown[_PINS_SHOWN:])


def _pin(pin: PinChange) -> str:
    if pin.old and pin.new:
        return f"{pin.old} -> {pin.new}"
    return f"{pin.new} (new)" if pin.new else f"{pin.old} (removed)"


def parent_lines(
    document: Document, report: CulpritReport, cells: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield each parent of a merge with its trial counts."""
    for parent in report.parents:
        seen = tally(document.trials, parent.sha, cells)
        yield parent.sha, str(seen)
