"""The peers by name, each a function from problems to outcomes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.search.peers import git
from benchmarks.search.peers.environment import interpreter
from benchmarks.search.peers.exchange import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.search.problem import Outcome, Problem

    Peer = Callable[[Sequence[Problem]], list[Outcome]]

BAYESECT = "git_bayesect"
QUORUM = "git_bisectlib, 2 passes of 5"


def peers() -> Mapping[str, Peer]:
    """All of them, installed where they are not yet."""
    python = interpreter()
    return {
        **{f"git bisect run, {name}": partial(_in_process, judge) for name, judge in git.JUDGES.items()},
        QUORUM: partial(ask, python, "benchmarks.search.peers.quorum"),
        BAYESECT: partial(ask, python, "benchmarks.search.peers.bayesect"),
    }


def _in_process(judge: git.Judge, asked: Sequence[Problem]) -> list[Outcome]:
    return [git.solve(problem, judge) for problem in asked]
