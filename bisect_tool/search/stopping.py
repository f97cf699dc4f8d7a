"""Decide whether a search is over: the posterior reaches the confidence, and the culprit is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from bisect_tool.search.conclusion import Candidates, Conclusion, Culprit, Flaky, Undecided
from bisect_tool.search.observed_breakages import (
    broken_commits,
    broken_outside,
    contradiction,
    earlier_breakage,
    is_broken,
)
from bisect_tool.search.relands import in_doubt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.search.inference import Inference
    from bisect_tool.search.run_values import RunValues

_PAIR_RUNS = 2
"""Required failures of the culprit, and passes of each parent. One of each could be noise."""

_STOP_MARGIN = 1.5
_CONTRADICTIONS_HALVING_MARGIN = 3.0
"""The search stops at 1 - (1 - confidence) / (1 + margin). The margin halves after this many runs that
contradict the answer. Stopping when the posterior happens to be high is biased towards overconfidence, more
so
if little noise was measured; see docs/benchmarks.md."""

_MAX_RUNS_PER_BIT = 100
"""The search gives up after this many runs for each bit of log2(commits + 1)."""

_MIN_GAIN = 0.02
"""The search gives up if no run is worth more bits than this share of the allowed doubt. In searches that end
with a culprit, the next run is worth five times as much."""

_RIVALS = 3
"""The number of likeliest commits to compare with their parents before the search gives up."""

_MAX_CONTRADICTING_RUNS = 8
"""Runs of a commit that contradicts the likeliest one, if the history probably breaks more than once."""


@dataclass(frozen=True, eq=False)
class Stopping:
    """The stopping rule: the conclusion from the runs so far, or the runs missing for it."""

    known: Inference
    values: RunValues

    @cached_property
    def conclusion(self) -> Conclusion | None:
        """The answer, or None while there is something left to try."""
        known = self.known
        if self._no_culprit_likely:
            return None if self.confirmation and not self._too_many_runs else self._without_culprit()
        if known.block_probability >= self.threshold and not self.confirmation:
            return self._named()
        if self._too_many_runs or (self._exhausted and not self.confirmation):
            return self._observed_breakage() or Undecided(tuple(known.probabilities))
        return None

    @cached_property
    def threshold(self) -> float:
        """The posterior probability at which the search stops: the confidence with a safety margin."""
        posterior = self.known.posterior
        contradicting = posterior.contradictions(int(posterior.commits.argmax()))
        margin = _STOP_MARGIN / (1 + contradicting / _CONTRADICTIONS_HALVING_MARGIN)
        return 1 - (1 - self.known.confidence) / (1 + margin)

    @cached_property
    def confirmation(self) -> tuple[str, ...]:
        """Return the runs missing before a conclusion that is probable enough.

        The culprit must have failed twice, and its parents must have passed twice, even if they are good by
        descent alone: if such a parent is bad, the breakage is further down. That there is no culprit is
        concluded only after a passing end failed: a rare failure of bad commits looks much the same.
        """
        if self._no_culprit_likely:
            return self._unverified_passing_end()
        if self.known.block_probability < self.threshold:
            return self._rivals() if self._exhausted else ()
        return self._unconfirmed_pair() or self._contradicting_commit() or self._possible_breakages()

    def _named(self) -> Conclusion:
        """The likeliest commit; or the block of commits that no trial can distinguish from it."""
        known = self.known
        names = tuple(known.dag.candidates[commit] for commit in known.block)
        skipped = tuple(sha for sha in names if sha in known.untestable)
        if len(names) == 1 and not skipped:
            earlier = earlier_breakage(known, *known.block)
            return Culprit(names[0], known.dag.parents[names[0]], known.block_probability, earlier)
        return Candidates(names, skipped, known.block_probability)

    def _observed_breakage(self) -> Conclusion | None:
        """A breakage that was observed as such, if no commit both failed and passed.

        In some graphs the likelihoods cannot distinguish several breakages.
        """
        known = self.known
        if known.inconsistent:
            return None
        if broken_outside(known):
            return contradiction(known, known.confidence)
        for place in reversed(broken_commits(known)):
            sha = known.dag.candidates[place]
            parents = known.dag.parents[sha]
            confirmed = all(known.count(each).total >= _PAIR_RUNS for each in (sha, *parents))
            if confirmed and not any(is_broken(known, parent) for parent in parents):
                return Culprit(sha, parents, known.confidence, earlier_breakage(known, place))
        return None

    @property
    def _no_culprit_likely(self) -> bool:
        posterior = self.known.posterior
        return posterior.flaky + posterior.elsewhere >= self.threshold

    def _without_culprit(self) -> Conclusion:
        """The range has no culprit: it breaks outside or repeatedly, or a passing end failed as well."""
        known = self.known
        confidence = known.posterior.flaky + known.posterior.elsewhere
        if _is_deterministic(known):
            return contradiction(known, confidence)
        return Flaky(confidence) if known.failed_where_it_passes else Undecided(tuple(known.probabilities))

    @property
    def _too_many_runs(self) -> bool:
        return len(self.known.observed) > _MAX_RUNS_PER_BIT * log2(len(self.known.dag.candidates) + 1)

    @cached_property
    def _exhausted(self) -> bool:
        """Whether no single run is expected to give any more information."""
        halving = self.known.assumes_no_noise and not self.known.given_up
        return not halving and float(self.values.alone.max()) < _MIN_GAIN * (1 - self.threshold)

    def _unverified_passing_end(self) -> tuple[str, ...]:
        known = self.known
        end = known.bad if known.fix else known.good_end
        if known.failed_where_it_passes or end is None or end in known.given_up:
            return ()
        return (end,)

    def _unconfirmed_pair(self) -> tuple[str, ...]:
        """The missing failures of the likeliest commit, and the missing passes of its parents."""
        known = self.known
        names = [known.dag.candidates[commit] for commit in known.block]
        triable = [sha for sha in names if sha not in known.given_up]
        parents = dict.fromkeys(parent for sha in names for parent in known.dag.parents[sha])
        outer = [parent for parent in parents if parent not in names and parent not in known.given_up]
        failing, passing = (outer, triable[-1:]) if known.fix else (triable[-1:], outer)
        missing = {sha: _PAIR_RUNS - known.count(sha).failed for sha in failing}
        return _repeated(missing | {sha: _PAIR_RUNS - known.count(sha).passed for sha in passing})

    def _rivals(self) -> tuple[str, ...]:
        """The runs before the search gives up: the likeliest commits and their parents, twice each."""
        known = self.known
        rivals = np.argsort(-known.posterior.commits, kind="stable")[:_RIVALS]
        names = [known.dag.candidates[commit] for commit in rivals]
        around = dict.fromkeys(sha for name in names for sha in (name, *known.dag.parents[name]))
        return _repeated(
            {sha: _PAIR_RUNS - known.count(sha).total for sha in around if sha not in known.given_up}
        )

    def _contradicting_commit(self) -> tuple[str, ...]:
        """A commit that contradicts the likeliest one, if no commit both failed and passed.

        Without any sign of noise, its runs must either show noise, or add up to a history that breaks more
        than once. Such a history explains broken commits that do not descend from the likeliest one. A
        descendant that passed a few times may have been fixed on another branch.
        """
        known = self.known
        culprit = known.block[-1]
        if known.inconsistent:
            return ()
        descendants = {known.dag.candidates[place] for place in known.dag.descendants(culprit)}
        against = {
            sha for sha in known.counts if is_broken(known, sha) is not (sha in descendants)
        } - known.given_up
        if known.posterior.last[culprit] > known.posterior.only[culprit]:
            against = {
                sha for sha in against & descendants if known.count(sha).total < _MAX_CONTRADICTING_RUNS
            }
        return tuple(sorted(against, key=lambda sha: (known.count(sha).total, sha))[:1])

    def _possible_breakages(self) -> tuple[str, ...]:
        """The untried commits that show whether a change that was reverted broke the cell more than once.

        One run of each is enough, because only cells without noise get here.
        """
        known = self.known
        culprit = known.block[-1]
        if known.inconsistent or not known.landings:
            return ()
        broke_before = earlier_breakage(known, culprit) is not None
        shas = in_doubt(known.dag, known.landings, known.dag.candidates[culprit], broke_before=broke_before)
        return tuple(sha for sha in shas if sha not in known.counts and sha not in known.given_up)


def _is_deterministic(known: Inference) -> bool:
    """Whether some commits fail and some pass, and each does so in all of its runs."""
    counts = known.counts.values()
    return (
        any(count.failed for count in counts)
        and any(count.passed for count in counts)
        and not known.inconsistent
    )


def _repeated(runs: Mapping[str, int]) -> tuple[str, ...]:
    """Return each commit as often as it has to run; not at all for a number below 1."""
    return tuple(sha for sha, number in runs.items() for _ in range(number))
