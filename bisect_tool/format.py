"""Format numbers, durations, lists and commit ids for reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bisect_tool.evidence.signature import stable_path
from bisect_tool.sanitise import clean_line
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bisect_tool.evidence import Frame

SHORT = 9


def short(sha: str) -> str:
    """The first characters of a commit id."""
    return clean_line(sha, 200)[:SHORT]


def count(number: int, noun: str) -> str:
    """`1 commit`, `2 commits`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """A time span in the two largest units: `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`, `2 d 03 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60:02} h"


def roughly(seconds: float) -> str:
    """A time span as an estimate in one unit: `~20 s`, `~3 min`, `~2 h`."""
    if seconds < 55:
        return f"~{max(round(seconds / 10) * 10, 10)} s"
    if seconds < 90 * 60:
        return f"~{round(seconds / 60)} min"
    return f"~{round(seconds / 3600)} h"


def between(low: float, high: float) -> str:
    """A range of time spans as an estimate: `2 to 5 min`, `50 s to 2 min`; if both are equal, only one."""
    first, last = roughly(low)[1:], roughly(high)[1:]
    if first == last:
        return first
    number, unit = first.split()
    return f"{number if last.endswith(unit) else first} to {last}"


def hours(seconds: float) -> str:
    """A time span in hours, without the unit: `<0.01`, `0.04`, `0.4`, `12`."""
    number = seconds / 3600
    if 0 < number < 0.005:
        return "<0.01"
    if number >= 9.95:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 0.095 or not number else f"{number:.2f}"


def percent(probability: float) -> str:
    """`81%`; `<1%` and `>99%` instead of 0% and 100%, because nothing is certain."""
    if probability < 0.01:
        return "<1%"
    return ">99%" if probability > 0.99 else f"{probability:.0%}"


def search_progress(commits: int, disagreement: str = "") -> str:
    """`narrowed to 3 commits`; if runs disagree, the number of likely commits, which can grow again."""
    if disagreement:
        return f"{disagreement}, {count(commits, 'likely commit')}"
    return f"narrowed to {count(commits, 'commit')}"


def listing(items: Sequence[str], limit: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`; items beyond the limit are counted."""
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def joined(*notes: str) -> str:
    """Join notes by semicolons; empty ones are left out."""
    return "; ".join(filter(None, notes))


def tally(outcomes: Iterable[str]) -> str:
    """`3 passed, 1 failed`, in the order in which they first occur; empty for none."""
    return ", ".join(f"{number} {outcome}" for outcome, number in Counter(outcomes).items())


def frame_location(frame: Frame) -> str:
    """`engine/executor.py:681 in wait_for_ready`, without this machine's folders."""
    where = f"{clean_line(stable_path(frame.file), 300)}:{frame.line}"
    return f"{where} in {clean_line(frame.function, 100)}" if frame.function else where


def outcome_text(outcome: str, reason: str, outcomes: Iterable[str]) -> str:
    """The result of a trial as text: counts of its cells' outcomes, or the reason why it has none.

    The reason for which a commit is unbuildable says so itself.
    """
    if not reason:
        return tally(outcomes) or outcome
    return reason if outcome == Outcome.UNBUILDABLE else f"{outcome}: {reason}"
