"""Create the searches of `simulate`: linear histories, or recorded ranges with known culprits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.search import Dag
from bisect_tool.search.prior import Change, weights
from bisect_tool.search.relands import Message, landings
from bisect_tool.simulate.known_ranges import read_cases, read_history, window
from bisect_tool.simulate.simulate import KnownRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from bisect_tool.simulate.known_ranges import RecordedCommit

_GOOD = "good"


def linear_searches(candidates: int, runs: int, rng: np.random.Generator) -> Sequence[KnownRange]:
    """Return searches of a linear history, each with a random culprit."""
    names = [f"c{number}" for number in range(candidates)]
    dag = Dag(dict(zip(names, ((parent,) for parent in (_GOOD, *names)), strict=False)))
    culprits = rng.integers(candidates, size=runs)
    return [KnownRange(dag, _GOOD, names[-1], names[culprit]) for culprit in culprits]


def history_searches(history: Path, cases: Path, runs: int, *, priors: bool) -> Sequence[KnownRange]:
    """Return searches of recorded ranges, each range equally often, and at least `runs` in total."""
    commits = read_history(history)
    ranges = [
        _known_range(window(commits, case), case.good, case.bad, case.culprit, priors=priors)
        for case in read_cases(cases)
    ]
    return ranges * -(-runs // len(ranges))


def _known_range(
    commits: Sequence[RecordedCommit], good: str, bad: str, culprit: str, *, priors: bool
) -> KnownRange:
    dag = Dag({commit.sha: commit.parents for commit in commits})
    changes = [Change(each.sha, each.subject, each.files, len(each.parents)) for each in commits]
    suspicion = {each.sha: each.weight for each in weights(changes)} if priors else None
    landings_of_changes = landings([Message(each.sha, each.subject) for each in commits])
    return KnownRange(dag, good, bad, culprit, suspicion, landings_of_changes)
