"""The lowest error rate under noise of a search that is fast without noise: a calculation, no run.

    python -m benchmarks.frontier

A search cannot know beforehand whether a failure is flaky. As long as the runs look as if there were no
noise, it has to end as it would without noise: after the bad end, log2 n runs that halve, and the few that
confirm. A flaky failure looks like that now and then, at a wrong commit, too. Here every such story of n
commits in a line is weighed: how likely it is while another commit is the culprit. Of all ways to spread the
runs that confirm over the named commit and its parent, a different one for every name, the one with the
fewest wrong names is taken; it is found by the price of a run at which the mean comes out as asked for.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

_ROWS = (
    (32, 10, 0.6, 0.1, 0.95),
    (128, 12, 0.6, 0.02, 0.96),
    (128, 12, 0.3, 0.0, 0.96),
    (32, 10, 0.95, 0.05, 0.98),
    (128, 12, 0.95, 0.05, 0.98),
)
"""Commits, mean runs allowed without noise, P(fail bad), P(fail good), share of right names asked for."""

_MOST = 5
_PRICES = np.geomspace(1e-7, 1e-1, 400)


def halved(commits: int) -> list[list[tuple[int, bool]]]:
    """For each culprit the runs of a search without noise that halves: the commit, and whether it failed."""
    found: list[list[tuple[int, bool]]] = [[] for _ in range(commits)]

    def search(low: int, high: int, runs: list[tuple[int, bool]]) -> None:
        if low == high:
            found[low] = runs
            return
        middle = (low + high) // 2
        search(low, middle, [*runs, (middle, True)])
        search(middle + 1, high, [*runs, (middle, False)])

    search(0, commits - 1, [(commits - 1, True)])
    return found


def likely_elsewhere(runs: list[tuple[int, bool]], name: int, commits: int, bad: float, good: float) -> float:
    """The probability of these runs together with another culprit than the named commit."""
    chance = np.full(commits, 1 / commits)
    for commit, failed in runs:
        fails = np.where(np.arange(commits) <= commit, bad, good)
        chance *= fails if failed else 1 - fails
    return float(chance.sum() - chance[name])


def fewest_wrong(commits: int, allowed: float, bad: float, good: float) -> float:
    """The least share of wrong names among consistent histories of runs, within the mean of runs allowed."""
    stories = halved(commits)
    spreads = tuple(itertools.product(range(_MOST), repeat=2))
    wrong = np.array(
        [
            [
                likely_elsewhere(
                    [*runs, *[(name, True)] * red, *[(name - 1, False)] * green], name, commits, bad, good
                )
                for red, green in spreads
            ]
            for name, runs in enumerate(stories)
        ]
    )
    runs = np.array([[len(story) + red + green for red, green in spreads] for story in stories])
    best = 1.0
    for price in _PRICES:
        chosen = (wrong + price * runs).argmin(axis=1)[:, None]
        if np.take_along_axis(runs, chosen, 1).mean() <= allowed:
            best = min(best, float(np.take_along_axis(wrong, chosen, 1).sum()))
    return best


def main() -> None:
    """Print the table."""
    lines = [
        "| n | P(fail bad), P(fail good) | runs without noise | wrong, no contradiction | wrong, allowed |",
        "|---|---|---|---|---|",
    ]
    for commits, allowed, bad, good, right in _ROWS:
        least = fewest_wrong(commits, allowed, bad, good)
        lines.append(f"| {commits} | {bad:g}, {good:g} | {allowed} | {least:.3f} | {1 - right:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
