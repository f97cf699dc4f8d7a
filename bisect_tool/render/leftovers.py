"""Compare what trials left behind (processes, files, ...) at bad and good commits, or list it for one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.evidence import normalise
from bisect_tool.format import short
from bisect_tool.render.startup import BAD, GOOD, is_quiet, sides_of
from bisect_tool.stats import shift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.results.document import Document, TrialReport

LEFT = "Left behind by trials (removed)"
LEFT_BY_BAD = "Leaked more at bad commits than at good ones (removed)"
_EACH = 3
"""Up to so many of a kind are told one by one."""
_MORE = re.compile(r"\w+ \.\.\. and (?P<over>over )?(?P<number>\d{1,6}) more")


@dataclass(frozen=True)
class Excess:
    """Something that trials of bad commits leave behind more often than those of good ones.

    `such` is one of them, left at `sha`; `bad` of `bad_trials` left any, and `good` of `good_trials`.
    """

    such: str
    sha: str
    bad: int
    bad_trials: int
    good: int
    good_trials: int

    def __str__(self) -> str:
        bad = f"{self.bad} of {self.bad_trials} trials at bad commits"
        return f"{self.such} at {short(self.sha)}: in {bad}, {self.good} of {self.good_trials} at good ones"


def is_compared(document: Document) -> bool:
    """Whether good commits tell what is no news; of one commit alone everything is."""
    return bool(document.good) and document.repro is None


def excess(document: Document) -> tuple[Excess, ...]:
    """What bad commits leave more of than good ones beyond chance, trials on a busy machine left aside."""
    side_of = sides_of(document)
    trials = [trial for trial in document.trials if trial.sha in side_of and is_quiet(trial)]
    bad = [(trial, _counts(trial)) for trial in trials if side_of[trial.sha] == BAD]
    good = [_counts(trial) for trial in trials if side_of[trial.sha] == GOOD]
    return tuple(_excess(bad, good))


def _excess(
    bad: Sequence[tuple[TrialReport, Counter[str]]], good: Sequence[Counter[str]]
) -> Iterator[Excess]:
    told: set[str] = set()
    names = dict.fromkeys(name for _, counts in bad for name in counts)
    # A kind as a whole is of interest where none of its names is.
    for name in sorted(names, key=lambda name: name == _kind(name)):
        found = shift([counts[name] for _, counts in bad], [counts[name] for counts in good])
        if found is None or found.low <= 0.0 or name in told:
            continue
        told.add(_kind(name))
        trial = next(trial for trial, counts in bad if counts[name])
        such = next(item for item in trial.leftovers if name in (_kind(item), _name(item)))
        yield Excess(
            such,
            trial.sha,
            sum(bool(counts[name]) for _, counts in bad),
            len(bad),
            sum(bool(counts[name]) for counts in good),
            len(good),
        )


def _counts(trial: TrialReport) -> Counter[str]:
    """How many of each kind, and of each name without what differs from trial to trial."""
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
    return normalise(item)


def left_behind(document: Document) -> tuple[tuple[str, str], ...]:
    """The commit, and what its trials left: each of few of a kind, or the first and how many more."""
    found: dict[tuple[str, str], list[str]] = {}
    for trial in document.trials:
        for item in trial.leftovers:
            found.setdefault((trial.sha, _kind(item)), []).append(item)
    return tuple((sha, told) for (sha, _), items in found.items() for told in _told(items))


def _told(items: Sequence[str]) -> Sequence[str]:
    if len(items) <= _EACH:
        return items
    besides = [more for more in map(_MORE.fullmatch, items) if more]
    number = len(items) - len(besides) + sum(int(more["number"]) for more in besides) - 1
    over = "over " if any(more["over"] for more in besides) else ""
    return (f"{items[0]} and {over}{number} more",)
