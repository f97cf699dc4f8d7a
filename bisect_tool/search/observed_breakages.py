"""Find broken commits, and descendants that pass again, among the observed runs. Pure.

`multiple_breakages` computes the probability of such histories; this names the commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.search.conclusion import Contradiction

if TYPE_CHECKING:
    from bisect_tool.search.inference import Inference


def is_broken(known: Inference, sha: str) -> bool:
    """Whether most runs of a commit ended as they do from a culprit on."""
    count = known.count(sha)
    return count.passed > count.failed if known.fix else count.failed > count.passed


def broken_commits(known: Inference) -> tuple[int, ...]:
    """The broken commits of the range as indices, ancestors first."""
    tried = known.counts.keys() & known.dag.index.keys()
    return tuple(sorted(known.dag.index[sha] for sha in tried if is_broken(known, sha)))


def broken_outside(known: Inference) -> tuple[str, ...]:
    """The broken commits outside the range, sorted."""
    return tuple(sha for sha in sorted(known.counts) if sha not in known.dag.index and is_broken(known, sha))


def sound_again(known: Inference, broken: int) -> str | None:
    """The lowest descendant of a broken commit of which most runs ended as before a culprit."""
    for place in sorted(known.dag.descendants(broken)):
        count = known.count(known.dag.candidates[place])
        if (count.failed > count.passed) if known.fix else (count.passed > count.failed):
            return known.dag.candidates[place]
    return None


def earlier_breakage(known: Inference, culprit: int) -> tuple[str, str | None] | None:
    """The highest broken commit that does not descend from the culprit, and where it is sound again.

    None unless several breakages are likelier than the culprit alone.
    """
    if known.posterior.last[culprit] <= known.posterior.only[culprit]:
        return None
    descendants = known.dag.descendants(culprit)
    broken = [place for place in broken_commits(known) if place not in descendants]
    return (known.dag.candidates[broken[-1]], sound_again(known, broken[-1])) if broken else None


def contradiction(known: Inference, confidence: float) -> Contradiction:
    """A broken commit, and a sound one that is it or descends from it."""
    outside = broken_outside(known)
    for bad, good in (
        (known.dag.candidates[place], sound_again(known, place)) for place in broken_commits(known)
    ):
        if good is not None and not outside:
            return Contradiction(good, bad, confidence)
    end = outside[0] if outside else known.bad
    return Contradiction(end, end, confidence)
