"""`git bisect run` in process: git's choice of the next commit, and the checkers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.search.problem import FlakyTest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.search.problem import Outcome, Problem

    Fails = Callable[[], bool]
    Judge = Callable[[Fails], bool]


def midpoint(good: int, bad: int) -> int:
    """The commit that git tests next between a good and a bad commit of a linear history.

    It takes the first commit, from the good end, that is as near to the middle as can be; the very first one
    it only takes where there is no other, so that of three it tries the second. From 3,072 commits on it is
    content with less, which is not followed here.
    """
    left = bad - good
    return good + (2 if left == 3 else left // 2)


def single(fails: Fails) -> bool:
    """Bad if one run fails."""
    return fails()


def any_of_5(fails: Fails) -> bool:
    """Bad if any of five runs fails; stop at the first failure."""
    return any(fails() for _ in range(5))


def majority_of_3(fails: Fails) -> bool:
    """Bad if two of three runs fail; the third is skipped if the first two agree."""
    first, second = fails(), fails()
    return first if first == second else fails()


JUDGES: Mapping[str, Judge] = {"single": single, "any-fail-of-5": any_of_5, "majority-of-3": majority_of_3}

QUORUM: Mapping[str, int] = {"attempts": 5, "min_passes": 2}
"""What the README of git_bisectlib shows for a flaky test: good once two of up to five runs pass."""


def solve(problem: Problem, judge: Judge) -> Outcome:
    """Bisect as git does: both ends are trusted, and the result is not confirmed."""
    test = FlakyTest(problem)
    good, bad = 0, problem.candidates
    while bad - good > 1:
        tried = midpoint(good, bad)
        if judge(partial(test.fails, tried)):
            bad = tried
        else:
            good = tried
    return test.outcome(bad)
