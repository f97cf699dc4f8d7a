"""Hypothesis strategies for histories and worlds."""

from __future__ import annotations

from hypothesis import strategies as st
from worlds import GOOD, World, lineage

FOREIGN = ("unbuildable", "infrastructure", "other", "errored", "skipped", "port taken")


@st.composite
def histories(draw, largest=12):
    """Parents of the ancestors of one bad commit. `elder` is outside the range and no good end."""
    parents = {}
    for number in range(draw(st.integers(1, largest))):
        earlier = [f"c{each}" for each in range(number)][-5:]
        count = draw(st.integers(1, min(3, number + 1)))
        parents[f"c{number}"] = tuple(draw(st.permutations([*earlier, GOOD, "elder"]))[:count])
    top = f"c{len(parents) - 1}"
    kept = lineage(parents, top)
    return {sha: direct for sha, direct in parents.items() if sha in kept}


@st.composite
def worlds(draw, outcomes, override_ends=False):
    """Three cells, each with its own culprit or none; some commits have one of `outcomes` instead.

    With `override_ends` any commit may, and its outcome may vary from run to run.
    """
    parents = draw(histories())
    commits = sorted(parents)
    cells = {cell: draw(st.none() | st.sampled_from(commits)) for cell in ("one", "two", "three")}
    fix = draw(st.booleans())
    bad = next(reversed(parents))
    eligible = [*commits, GOOD, "elder"] if override_ends else [sha for sha in commits if sha != bad]
    overrides = {}
    if outcomes and eligible:
        drawn = st.lists(st.sampled_from(outcomes), min_size=1, max_size=3 if override_ends else 1)
        overrides = draw(st.dictionaries(st.sampled_from(eligible), drawn, max_size=6))
    return World(parents, cells, overrides, fix=fix)
