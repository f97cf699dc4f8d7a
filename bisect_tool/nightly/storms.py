"""Failures of the infrastructure that look like failures of tests.

A network or a service that is down for some hours fails cells of many jobs with one exception, and a rerun
at the same commit passes. A cell that fails in its reruns as well is no regression then: it failed by chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bisect_tool.nightly.timeline import UNKNOWN, when
from bisect_tool.sources.observation import CONCLUSIVE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.sources.observation import CellKey, Observation

_SPELL = timedelta(hours=48)
_CELLS = 3
_JOBS = 3

_At = tuple["CellKey", str]


def without_storms(trials: Iterable[Observation]) -> tuple[Observation, ...]:
    """The trials; failures of a storm count as infrastructure."""
    trials = tuple(trials)
    outcomes: defaultdict[_At, set[State]] = defaultdict(set)
    reruns: Counter[_At] = Counter()
    for trial in trials:
        if trial.state in CONCLUSIVE:
            outcomes[trial.key, trial.commit].add(trial.state)
            reruns[trial.key, trial.commit] += 1
    rerun = {at: outcomes[at] >= CONCLUSIVE for at, number in reruns.items() if number > 1}
    storms = {one for spell in _spells(trials) if _is_storm(spell, rerun) for one in spell}
    if not storms:
        return trials
    return tuple(replace(trial, state=State.INFRASTRUCTURE) if trial in storms else trial for trial in trials)


def _spells(trials: Iterable[Observation]) -> Iterator[Sequence[Observation]]:
    """Failures with one exception, two days at a time."""
    alike: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    for trial in trials:
        if trial.state is State.FAILED and trial.exception and when(trial) != UNKNOWN:
            alike[trial.key.series, trial.exception].append(trial)
    for failures in alike.values():
        spell: list[Observation] = []
        for trial in sorted(failures, key=when):
            if spell and when(trial) - when(spell[0]) > _SPELL:
                yield spell
                spell = []
            spell.append(trial)
        yield spell


def _is_storm(spell: Sequence[Observation], rerun: Mapping[_At, bool]) -> bool:
    """Whether half or more of the cells that were rerun, of several jobs, pass at the same commit.

    Cells that do so at other times, too, are flaky and do not count.

    Args:
        spell: failures that are near in time.
        rerun: of each cell and commit with several runs, whether they disagree.
    """
    here = {(trial.key, trial.commit) for trial in spell}
    flaky = {at[0] for at, disagree in rerun.items() if disagree and at not in here}
    cells = {at[0] for at in here if at in rerun} - flaky
    mixed = cells & {at[0] for at in here if rerun.get(at, False)}
    jobs = {key.job for key in mixed}
    return len(mixed) >= _CELLS and len(jobs) >= _JOBS and 2 * len(mixed) >= len(cells)
