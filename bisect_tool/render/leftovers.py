"""Compare the leftovers of trials (processes, files, ...) at bad and good commits, or list them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.evidence import normalise
from bisect_tool.format import short
from bisect_tool.render.startup import BAD, GOOD, is_quiet, sides_of
from bisect_tool.sanitise import clean_line
from bisect_tool.stats import shift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.json_document.document import Document, TrialReport

LEFTOVERS_TITLE = "Left behind by trials (cleaned up)"
LEAKS_TITLE = "Leaked more often at bad commits than at good ones (cleaned up)"
_LISTED_LIMIT = 3
"""The maximum number of leftovers of a kind that are listed individually."""
_LINE_LIMIT = 160
"""The maximum length of a process's command line; the document has more."""
_PID = re.compile(r" \(pid \d{1,10}\)( on \S+)?$")
"""Follows the command line of a process, with the node of a trial that spans several."""
_MORE = re.compile(r"\w+ \.\.\. and (?P<over>over )?(?P<number>\d{1,6}) more( on \S+)?")
_HOST = re.compile(r" on \S+$")
"""Follows what was left on a further node of a trial that spans several."""


@dataclass(frozen=True)
class Leak:
    """A kind of leftover that is more frequent at bad commits than at good ones.

    `example` is one of them, left at `sha`. `bad` of `bad_trials` left any, and `good` of `good_trials`.
    """

    example: str
    sha: str
    bad: int
    bad_trials: int
    good: int
    good_trials: int

    def __str__(self) -> str:
        bad = f"{self.bad} of {self.bad_trials} trials at bad commits"
        return (
            f"{self.example} at {short(self.sha)}: in {bad}, {self.good} of {self.good_trials} at good ones"
        )


def is_compared(document: Document) -> bool:
    """Whether there are good commits to compare with; if not, all leftovers are listed."""
    return bool(document.good) and document.repro is None


def leaks(document: Document) -> tuple[Leak, ...]:
    """Return leftovers that are more frequent at bad commits, ignoring trials on a busy machine."""
    side_of = sides_of(document)
    trials = [trial for trial in document.trials if trial.sha in side_of and is_quiet(trial)]
    bad = [(trial, _counts(trial)) for trial in trials if side_of[trial.sha] == BAD]
    good = [_counts(trial) for trial in trials if side_of[trial.sha] == GOOD]
    return tuple(_leaks(bad, good))


def _leaks(bad: Sequence[tuple[TrialReport, Counter[str]]], good: Sequence[Counter[str]]) -> Iterator[Leak]:
    reported: set[str] = set()
    names = dict.fromkeys(name for _, counts in bad for name in counts)
    # A kind is reported as a whole only if none of its names is.
    for name in sorted(names, key=lambda name: name == _kind(name)):
        found = shift([counts[name] for _, counts in bad], [counts[name] for counts in good])
        if found is None or found.low <= 0.0 or name in reported:
            continue
        reported.add(_kind(name))
        trial = next(trial for trial, counts in bad if counts[name])
        example = next(item for item in trial.leftovers if name in (_kind(item), _name(item)))
        yield Leak(
            brief(example),
            trial.sha,
            sum(bool(counts[name]) for _, counts in bad),
            len(bad),
            sum(bool(counts[name]) for counts in good),
            len(good),
        )


def _counts(trial: TrialReport) -> Counter[str]:
    """Count leftovers by kind and by normalised name."""
    counts: Counter[str] = Counter()
    for item in trial.leftovers:
        more = _MORE.fullmatch(item)
        counts[_kind(item)] += int(more["number"]) if more else 1
        if not more:
            counts[_name(item)] += 1
    return counts


def _kind(item: str) -> str:
    return item.partition(" ")[0]


def _name(item: str) -> str:
    return normalise(_HOST.sub("", item))


def brief(item: str) -> str:
    """Shorten the command line of a process that was left, and keep its id."""
    pid = _PID.search(item)
    command_line, suffix = (item[: pid.start()], pid[0]) if pid else (item, "")
    return f"{clean_line(command_line, _LINE_LIMIT)}{clean_line(suffix)}"


def listed_leftovers(document: Document) -> tuple[tuple[str, str], ...]:
    """Return pairs of commit and leftover; of many leftovers of a kind, the first and a count."""
    found: dict[tuple[str, str], list[str]] = {}
    for trial in document.trials:
        for item in trial.leftovers:
            found.setdefault((trial.sha, _kind(item)), []).append(item)
    return tuple((sha, item) for (sha, _), items in found.items() for item in _shortened(items))


def _shortened(items: Sequence[str]) -> Sequence[str]:
    if len(items) <= _LISTED_LIMIT:
        return [brief(item) for item in items]
    summaries = [more for more in map(_MORE.fullmatch, items) if more]
    number = len(items) - len(summaries) + sum(int(more["number"]) for more in summaries) - 1
    over = "over " if any(more["over"] for more in summaries) else ""
    return (f"{brief(items[0])} and {over}{number} more",)
