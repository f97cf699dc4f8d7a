"""`git bayesect run` in process: its own `Bisector` with its default priors, up to its default confidence."""

from __future__ import annotations

import git_bayesect
import numpy as np

from benchmarks.search.peers.exchange import serve
from benchmarks.search.problem import FlakyTest, Outcome, Problem

CONFIDENCE = 0.95
MOST_RUNS = 2_000
"""Stands for no answer."""


def solve(problem: Problem) -> Outcome:
    """Run it as its command does: the old end is a candidate, too, and index 0 is the newest commit."""
    newest = problem.candidates
    search = git_bayesect.Bisector(np.ones(newest + 1))
    test = FlakyTest(problem)
    while search.distribution.max() < CONFIDENCE:
        if len(test.runs) == MOST_RUNS:
            return test.outcome(None)
        index = search.select()
        search.record(index, test.fails(newest - index))
    return test.outcome(newest - int(search.distribution.argmax()))


if __name__ == "__main__":
    serve(solve)
