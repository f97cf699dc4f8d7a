"""Histories and worlds that hypothesis draws."""

from __future__ import annotations

from hypothesis import strategies as st
from worlds import GOOD, World, lineage

FOREIGN = ("unbuildable", "infrastructure", "other", "errored", "skipped", "port taken")


@st.composite
def histories(draw, largest=12):
    """Parents of the ancestors of one bad commit. `elder` is good by descent, no good end."""
    parents = {}
    for number in range(draw(st.integers(1, largest))):
        earlier = [f"c{each}" for each in range(number)][-5:]
        count = draw(st.integers(1, min(3, number + 1)))
        parents[f"c{number}"] = tuple(draw(st.permutations([*earlier, GOOD, "elder"]))[:count])
    top = f"c{len(parents) - 1}"
    kept = lineage(parents, top)
    return {sha: above for sha, above in parents.items() if sha in kept}


@st.composite
def worlds(draw, words, spoil_the_ends=False):
    """Three cells, each with a culprit of its own or none; some commits answer `words` instead.

    With `spoil_the_ends` any of the commits may, and change its answer from run to run.
    """
    parents = draw(histories())
    commits = sorted(parents)
    cells = {cell: draw(st.none() | st.sampled_from(commits)) for cell in ("one", "two", "three")}
    fix = draw(st.booleans())
    bad = next(reversed(parents))
    open_to_it = [*commits, GOOD, "elder"] if spoil_the_ends else [sha for sha in commits if sha != bad]
    spoilt = {}
    if words and open_to_it:
        said = st.lists(st.sampled_from(words), min_size=1, max_size=3 if spoil_the_ends else 1)
        spoilt = draw(st.dictionaries(st.sampled_from(open_to_it), said, max_size=6))
    return World(parents, cells, spoilt, fix=fix)
