"""Times in which cells failed at any commit, and that are over.

The storage, a service or the fleet was down: a commit that had passed failed again and again in several
cells, without any pass of these in between, and they pass since. With several jobs, `storms` notices it
earlier.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.nightly.timeline import UNKNOWN, when
from bisect_tool.sources.observation import CONCLUSIVE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bisect_tool.sources.observation import CellKey, Observation

_AGAIN = 2
_COMMITS = 2
_CELLS = 3


@dataclass(frozen=True)
class _Spell:
    """Failures of a cell without a pass in between, and one of their commits that had passed."""

    failures: tuple[Observation, ...]
    commit: str


def without_outages(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """The trials; failures of an outage count as infrastructure."""
    trials = tuple(trials)
    cells: defaultdict[CellKey, list[Observation]] = defaultdict(list)
    for trial in trials:
        if trial.state in CONCLUSIVE and when(trial) != UNKNOWN:
            cells[trial.key].append(trial)
    spells: defaultdict[tuple[str, str], list[_Spell]] = defaultdict(list)
    for key, ran in cells.items():
        for spell in _spells(sorted(ran, key=when)):
            spells[key.series, spell.commit].append(spell)
    outages = (each for each in spells.values() if len(each) >= _CELLS)
    spoiled = {failure for outage in outages for spell in outage for failure in spell.failures}
    if not spoiled:
        return trials
    return tuple(
        replace(trial, state=State.INFRASTRUCTURE) if trial in spoiled else trial for trial in trials
    )


def _spells(trials: Sequence[Observation]) -> Iterator[_Spell]:
    """What may be outages of one cell."""
    passed: set[str] = set()
    failures: list[Observation] = []
    for trial in trials:
        if trial.state is State.FAILED:
            failures.append(trial)
            continue
        commits = Counter(failure.commit for failure in failures)
        again = [commit for commit, number in commits.items() if number >= _AGAIN and commit in passed]
        if again and len(commits) >= _COMMITS:
            yield _Spell(tuple(failures), again[0])
        failures = []
        passed.add(trial.commit)
