"""Histories for the tests of the search, and reference computations on them."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from bisect_tool.search import Bisection, Dag, Inference
from bisect_tool.verdict import Verdict

GOOD = "good"
"""Stands for the good end and all its ancestors."""


def line(length):
    return {f"c{place}": (f"c{place - 1}" if place else GOOD,) for place in range(length)}


def many_merges(size):
    """A mainline of merges, each bringing in a branch of one to five commits that was cut some time ago."""
    rng = random.Random(1)  # noqa: S311
    parents, mainline = {}, [GOOD]
    while len(parents) < size:
        tip = mainline[max(0, len(mainline) - 1 - rng.randrange(50))]
        for _ in range(rng.randrange(1, 6)):
            name = f"c{len(parents)}"
            parents[name] = (tip,)
            tip = name
        merge = f"c{len(parents)}"
        parents[merge] = (mainline[-1], tip)
        mainline.append(merge)
    return parents


@st.composite
def histories(draw, largest=14):
    """Parents of every commit between the good end and one bad commit, the last."""
    parents = {}
    for number in range(draw(st.integers(1, largest))):
        earlier = [f"c{each}" for each in range(number)][-5:]
        count = draw(st.integers(1, min(3, number + 1)))
        parents[f"c{number}"] = tuple(draw(st.permutations([*earlier, GOOD]))[:count])
    kept = lineage(parents, f"c{len(parents) - 1}")
    return {sha: direct for sha, direct in parents.items() if sha in kept}


def lineage(parents, sha):
    """A commit and its ancestors in the range."""
    return {sha}.union(*(lineage(parents, parent) for parent in parents[sha] if parent in parents))


def is_bad(parents, culprit, sha, fix=False):
    """Whether a commit has what makes the cell fail; with `fix` the culprit is the commit that fixes it."""
    return (sha in parents and culprit in lineage(parents, sha)) is not fix


def finish(search, verdict_of, limit=3000, slots=1):
    """Run a search to its end, with a trial in every slot; returns the finished search."""
    while plan := search.plan(slots):
        assert len(search.known.observed) < limit, "the search has no end"
        assert len(plan) <= slots
        search = search.observe(*((sha, verdict_of(sha)) for sha in plan))
    return search


def started(parents, fix=False, goods=(GOOD,)):
    """A search whose failing end has failed once."""
    bad = list(parents)[-1]
    end = goods[0] if fix else bad
    return Bisection(Inference(Dag(parents), bad, tuple(goods), fix=fix)).observe((end, Verdict.BAD))
