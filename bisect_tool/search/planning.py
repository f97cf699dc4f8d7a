"""Choose the commits to run next, up to k at a time, and estimate how many runs are left."""

from __future__ import annotations

from collections import Counter
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search.information import bits
from bisect_tool.search.parallel_split import partition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.search.inference import Inference
    from bisect_tool.search.stopping import Stopping

IDLE_BITS = 0.02
"""Beside other runs, a slot stays idle if no run is worth more than this."""

_CONFIRMING_RUNS = 4
"""About how many runs confirm a culprit if no run contradicts another."""

_MIN_BITS_A_RUN = 1e-3


def plan(search: Stopping, k: int = 1, running: Sequence[str] = ()) -> tuple[str, ...]:
    """Up to `k` commits to run next, beside those at which a run is in progress; one may come twice."""
    if search.conclusion is not None:
        return ()
    known = search.known
    chosen = list((Counter(_required(search)) - Counter(running)).elements())[:k]
    if not chosen and not running:
        chosen = [known.dag.candidates[commit] for commit in _split(known, k)]
    while len(chosen) < k:
        values = search.values.beside((*running, *chosen))
        best = int(values.argmax())
        if values[best] <= (IDLE_BITS if chosen or running else 0.0):
            break
        chosen.append(known.dag.candidates[best] if best < len(values) - 1 else str(known.good_end))
    return tuple(chosen)


def steps_left(search: Stopping) -> int:
    """Estimate how many more runs the search takes."""
    if search.conclusion is not None:
        return 0
    known, posterior = search.known, search.known.posterior
    if known.assumes_no_noise:
        return ceil(log2(int(posterior.consistent.sum()))) + _CONFIRMING_RUNS
    doubt = log2(max(1 - float(posterior.commits.max()), 1e-9) / (1 - search.threshold))
    if posterior.consistent.any():
        return max(1, len(search.confirmation), ceil(doubt))
    chance = posterior.commits[posterior.commits > 0.0]
    entropy = float(-(chance * np.log2(chance)).sum())
    runs = ceil((entropy + max(doubt, 0.0)) / _bits_of_a_run(known))
    return max(1, len(search.confirmation), runs)


def _required(search: Stopping) -> tuple[str, ...]:
    """The runs that come before all others, whatever information they give."""
    end = search.known.unverified_end
    return search.confirmation if end is None else (end,)


def _split(known: Inference, k: int) -> tuple[int, ...]:
    """Return where `k` parallel runs split a linear range with consistent runs; else empty."""
    suspects = np.flatnonzero(known.posterior.consistent)
    if not known.dag.ancestry.linear or known.given_up or not known.narrowing or len(suspects) < 2:
        return ()
    weights = known.posterior.commits[suspects]
    if k == 1:
        total = np.cumsum(weights[:-1])
        return (int(suspects[np.abs(total - (total[-1] + weights[-1]) / 2).argmin()]),)
    return tuple(int(suspects[place]) for place in partition(weights.tolist(), k))


def _bits_of_a_run(known: Inference) -> float:
    """The information of a run at the rates of the likeliest commit, if half of the commits run are bad."""
    place = int(known.posterior.commits.argmax())
    rates = np.array([known.posterior.p_fail_descendant[place], known.posterior.p_fail_other[place]])
    return max(float((bits(rates.mean(keepdims=True)) - bits(rates).mean())[0]), _MIN_BITS_A_RUN)
