"""Learn the factors of `prior_weights.toml` from the commits of a history that were reverted later.

    python -m benchmarks.train_prior history.jsonl.gz --exclude culprits.json [--test culprits.json]

The history holds one commit a line, oldest first: `{"sha", "parents", "time", "subject", "files"}`, one line
of first parents. Cases are a list of `{"good", "bad", "culprit"}`. The culprits of `--exclude` are used
neither as culprits nor as others. The learnt table goes to stdout, and how well it does to stderr:
cross-validated on the reverted commits, and with `--test` on known cases.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from dataclasses import dataclass
from math import log2
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from bisect_tool.search import prior

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

RIDGE = 3.0
"""Strength of the pull towards factors of 1. Cross-validated, 1 to 6 do about as well."""
AROUND = 40
"""A reverted commit is compared with so many before it and after it: two or three days of vLLM's."""
WINDOWS, SHORTEST, LONGEST = 6, 10, 45
"""Held-out windows for each reverted commit, of so many commits at least and at most."""
FOLDS, SEEDS = 10, 4
LATEST_REVERT_S = 90 * 86400
SURE = 0.95

_PULL_REQUEST = re.compile(r"\s*\(#(\d+)\)\s*$")
_REVERT = re.compile(r"(?<!un)revert", re.IGNORECASE)
_NUMBER = re.compile(r"#\s*(\d+)")
_QUOTED = re.compile(r'revert[^"]*"(.*?)(?:"|…|$)', re.IGNORECASE)
_UNQUOTED = re.compile(r"^.*?revert\S*\s*", re.IGNORECASE)
_CUT_NUMBER = re.compile(r"\s*\(#\d*\)?$")
_SHORTEST_TITLE = 12


@dataclass(frozen=True)
class Known:
    """Adjacent commits, oldest first, and the index of the culprit among them."""

    commits: tuple[int, ...]
    place: int


class History:
    """Commits by number, oldest first, and their traits.

    Attributes:
        commits: As they were read.
        changes: The same, as the prior wants them.
        learnt: Which of the learnt traits each commit has; shape (commits, traits), 0 or 1.
        runs: Whether a commit changes a file that runs, so that its traits are learnt ones; shape (commits,).
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.commits: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.changes = [
            prior.Change(each["sha"], each["subject"], tuple(each["files"]), len(each["parents"]))
            for each in self.commits
        ]
        found = [set(prior.traits(change)) for change in self.changes]
        self.learnt = np.array([[trait in each for trait in prior.LEARNT] for each in found], dtype=float)
        self.runs = np.array([each <= set(prior.LEARNT) for each in found])
        self.place = {each["sha"]: number for number, each in enumerate(self.commits)}

    def reverted(self) -> list[int]:
        """The commits that were reverted within 90 days."""
        titles = [_PULL_REQUEST.sub("", each["subject"]).strip().lower() for each in self.commits]
        numbers: dict[int, int] = {}
        for place, each in enumerate(self.commits):
            if found := _PULL_REQUEST.search(each["subject"]):
                numbers.setdefault(int(found[1]), place)
        guilty = set()
        for place, each in enumerate(self.commits):
            for first in _undone(each["subject"], titles[:place], numbers):
                soon = each["time"] - self.commits[first]["time"] < LATEST_REVERT_S
                if first < place and soon:
                    guilty.add(first)
        return sorted(guilty)


def _undone(subject: str, titles: Sequence[str], numbers: Mapping[int, int]) -> Iterator[int]:
    """The commits that a subject names as reverted: by number, else the last with the quoted title."""
    if not _REVERT.search(subject):
        return
    text = _PULL_REQUEST.sub("", subject).strip()
    by_number = [numbers[number] for number in map(int, _NUMBER.findall(text)) if number in numbers]
    if by_number:
        yield from by_number
        return
    quoted = _QUOTED.search(text)
    title = (quoted[1] if quoted else _UNQUOTED.sub("", text)).strip(' "').rstrip("….").strip(' "').lower()
    title = _CUT_NUMBER.sub("", title)
    if len(title) < _SHORTEST_TITLE:
        return
    same = [place for place, each in enumerate(titles) if each == title]
    cut = same or [place for place, each in enumerate(titles) if each.startswith(title)]
    yield from cut[-1:]


def fit(learnt: NDArray[np.float64], groups: Sequence[Known]) -> NDArray[np.float64]:
    """The logarithms of the factors, shape (traits,): conditional logit with a ridge, by Newton's method."""
    size = learnt.shape[1]
    logs = np.zeros(size)
    for _ in range(50):
        slope, bend = -RIDGE * logs, -RIDGE * np.eye(size)
        for group in groups:
            rows = learnt[list(group.commits)]
            chance = np.exp(rows @ logs)
            chance /= chance.sum()
            mean = chance @ rows
            slope = slope + rows[group.place] - mean
            bend = bend - (rows.T * chance) @ rows + np.outer(mean, mean)
        step = np.linalg.solve(bend, slope)
        logs = logs - step
        if np.abs(step).max() < 1e-9:
            break
    return logs


def groups_of(history: History, reverted: Iterable[int], excluded_places: frozenset[int]) -> list[Known]:
    """Each reverted commit with runnable files, among those around it; `excluded_places` are left out."""
    groups = []
    for each in (place for place in reverted if history.runs[place]):
        around = range(max(0, each - AROUND), min(len(history.commits), each + AROUND + 1))
        commits = [
            near for near in around if near == each or (near not in excluded_places and history.runs[near])
        ]
        groups.append(Known(tuple(commits), commits.index(each)))
    return groups


def nightly(history: History, culprit: int, excluded_places: frozenset[int], draw: Random) -> Iterator[Known]:
    """Random ranges with the culprit in them; other culprits are left out of them."""
    for _ in range(WINDOWS):
        length = draw.randint(SHORTEST, LONGEST)
        first = min(max(0, culprit - draw.randrange(length)), len(history.commits) - length)
        commits = tuple(
            each for each in range(first, first + length) if each == culprit or each not in excluded_places
        )
        yield Known(commits, commits.index(culprit))


def trials(chances: Sequence[float], culprit: int, sure: float = 1.0) -> int:
    """Midpoints until one commit is left, or has a chance of `sure` and is the culprit; each halves the mass.

    A wrong commit with that chance fails its confirmation, and the search continues.
    """
    sums = np.concatenate(([0.0], np.cumsum(chances)))
    first, end, count = 0, len(chances), 0
    while end - first > 1 and chances[culprit] < sure * (sums[end] - sums[first]):
        middle = (sums[first] + sums[end]) / 2
        cut = min(range(first + 1, end), key=lambda place: abs(sums[place] - middle))
        first, end = (first, cut) if culprit < cut else (cut, end)
        count += 1
    return count


@dataclass(frozen=True)
class Figures:
    """Means over ranges: trials of plain halving and of the prior."""

    ranges: int
    log2_n: float
    bits: float
    plain: float
    one_left: float
    sure: float

    def __str__(self) -> str:
        return (
            f"{self.ranges} ranges: log2 n {self.log2_n:.2f}, plain halving {self.plain:.2f}; with the prior "
            f"{self.one_left:.2f} until one is left, {self.sure:.2f} until one has {SURE:.0%}; "
            f"{self.bits:.2f} bits known beforehand"
        )


def figures(history: History, known: Iterable[tuple[Known, Mapping[str, float]]]) -> Figures:
    """Trials of searches with the prior, each range with factors learnt without it."""
    rows = []
    for case, factors in known:
        found = prior.weights([history.changes[each] for each in case.commits], factors=factors)
        total = sum(each.weight for each in found)
        chances = [each.weight / total for each in found]
        n = len(chances)
        rows.append(
            (
                log2(n),
                log2(n * chances[case.place]),
                trials([1 / n] * n, case.place),
                trials(chances, case.place),
                trials(chances, case.place, SURE),
            )
        )
    return Figures(len(rows), *(sum(column) / len(rows) for column in zip(*rows, strict=True)))


def learn(history: History, reverted: Iterable[int], excluded_places: frozenset[int]) -> dict[str, float]:
    """The learnt table: a factor for each trait."""
    logs = fit(history.learnt, groups_of(history, reverted, excluded_places))
    return {trait: round(float(np.exp(each)), 2) for trait, each in zip(prior.LEARNT, logs, strict=True)}


def cross_validated(history: History, reverted: Sequence[int], excluded_places: frozenset[int]) -> Figures:
    """Search for each tenth of the reverted commits with factors learnt from the other nine tenths."""
    known = []
    for seed in range(SEEDS):
        draw = Random(seed)  # noqa: S311 (repeatable, no secret)
        order = list(reverted)
        draw.shuffle(order)
        for fold in range(FOLDS):
            held = order[fold::FOLDS]
            taught = learn(history, sorted(set(order) - set(held)), excluded_places | set(held))
            factors = {**prior.default_factors(), **taught}
            for each in held:
                known += [(window, factors) for window in nightly(history, each, excluded_places, draw)]
    return figures(history, known)


def cases_of(history: History, cases: Path) -> list[Known]:
    """The ranges of known cases: from the commit after the good end to the bad end."""
    known = []
    for case in json.loads(cases.read_text(encoding="utf-8")):
        commits = tuple(range(history.place[case["good"]] + 1, history.place[case["bad"]] + 1))
        known.append(Known(commits, commits.index(history.place[case["culprit"]])))
    return known


def main() -> None:
    """Learn, print the accuracy to stderr, and the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("history", type=Path)
    parser.add_argument(
        "--exclude", type=Path, required=True, help="cases whose culprits are not learnt from"
    )
    parser.add_argument("--test", type=Path, help="cases to try the result on")
    asked = parser.parse_args()
    with gzip.open(asked.history, "rt", encoding="utf-8") as lines:
        history = History(lines)
    excluded = json.loads(asked.exclude.read_text(encoding="utf-8"))
    excluded_places = frozenset(history.place[case["culprit"]] for case in excluded)
    reverted = [each for each in history.reverted() if each not in excluded_places]
    running = [each for each in reverted if history.runs[each]]
    _log(f"{len(history.commits)} commits, {len(reverted)} reverted, {len(running)} learnt from")
    _log(f"cross-validated on all: {cross_validated(history, reverted, excluded_places)}")
    _log(f"cross-validated on those learnt from: {cross_validated(history, running, excluded_places)}")
    learnt = learn(history, reverted, excluded_places)
    if asked.test:
        factors = {**prior.default_factors(), **learnt}
        known = [(case, factors) for case in cases_of(history, asked.test)]
        _log(f"known cases: {figures(history, known)}")
    sys.stdout.write("[learnt]\n" + "".join(f"{trait} = {factor}\n" for trait, factor in learnt.items()))


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
