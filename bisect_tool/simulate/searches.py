"""The searches of `simulate`: on a line of commits, or on recorded ranges whose culprits are known."""

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


def in_a_line(candidates: int, runs: int, chance: np.random.Generator) -> Sequence[KnownRange]:
    """Searches of a line of commits, each with a culprit drawn by chance."""
    names = [f"c{number}" for number in range(candidates)]
    dag = Dag(dict(zip(names, ((parent,) for parent in (_GOOD, *names)), strict=False)))
    drawn = chance.integers(candidates, size=runs)
    return [KnownRange(dag, _GOOD, names[-1], names[culprit]) for culprit in drawn]


def in_a_history(history: Path, cases: Path, runs: int, *, priors: bool) -> Sequence[KnownRange]:
    """Searches of recorded ranges in turn, each as often as the others and `runs` in all, or some more."""
    commits = read_history(history)
    known = [
        _case(window(commits, case), case.good, case.bad, case.culprit, priors=priors)
        for case in read_cases(cases)
    ]
    return known * -(-runs // len(known))


def _case(
    commits: Sequence[RecordedCommit], good: str, bad: str, culprit: str, *, priors: bool
) -> KnownRange:
    dag = Dag({commit.sha: commit.parents for commit in commits})
    changes = [Change(each.sha, each.subject, each.files, len(each.parents)) for each in commits]
    suspicion = {each.sha: each.weight for each in weights(changes)} if priors else None
    said = landings([Message(each.sha, each.subject) for each in commits])
    return KnownRange(dag, good, bad, culprit, suspicion, said)
