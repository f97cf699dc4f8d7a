"""Verdicts of one cell's runs: each result compared with the failure signatures seen at the failing end."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.evidence import (
    Failure,
    Judgement,
    Signature,
    classify,
    command_without_good_events,
    failure_without_good_events,
    identifying_signatures,
    is_missed_deadline,
)
from bisect_tool.evidence.command_failure import ROLE
from bisect_tool.planner.types import EndCounts
from bisect_tool.verdict import RED, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bisect_tool.planner.types import Goal
    from bisect_tool.trial.result import CellResult, TrialResult

NO_TEST_RAN = "no test ran"
_TIMES_SLOWER, _SECONDS_SLOWER = 10.0, 1.0
"""How much longer a busy machine can make a test take; beyond both, it hangs."""
_SHORTEST_S = 0.5
"""No test has a shorter deadline: a failure before that only mentions time."""
_OUT_OF_MEMORY = "memory ran out, and the kernel killed a process"


@dataclass(frozen=True)
class Run:
    """One run of a cell in a trial.

    `busy` names the load measure, with its figure, under which the cell missed a deadline; it is empty if no
    deadline was missed or the machine was quiet. `no_tests` is what it printed if no test ran. Of a run that
    passed, `failed_tests` are tests that it reports as failed.
    """

    sha: str
    verdict: Verdict
    outcome: Outcome
    reason: str
    failure: Failure | None
    cell: str
    trial: TrialResult
    busy: str = ""
    no_tests: str = ""
    failed_tests: tuple[str, ...] = ()

    @property
    def before(self) -> tuple[str, ...]:
        """The cells that ran before it in the same trial, in order."""
        return self.trial.names[: self.trial.places.get(self.cell, 0)]

    @property
    def doubtful(self) -> bool:
        """Whether it missed a deadline while other work kept the machine busy."""
        return bool(self.busy)

    @property
    def lost(self) -> bool:
        """Whether the machine failed, not the check."""
        return self.outcome is Outcome.INFRASTRUCTURE or self.reason == _OUT_OF_MEMORY

    @property
    def preceding(self) -> frozenset[str]:
        """The cells that ran before it in the same trial, as a set."""
        return frozenset(self.before)


@dataclass(frozen=True)
class CellRuns:
    """All runs of one cell, in the order of the trials."""

    runs: tuple[Run, ...]

    @classmethod
    def of(cls, goal: Goal, cell: str, trials: Sequence[TrialResult]) -> CellRuns:
        """Classify a cell's runs by the failure signatures seen at the failing end."""
        found = tuple(_found(cell, trials))
        target = _Target.of(goal, found)
        longest = _longest_pass(cell, trials)
        runs = (_run(trial, result, target, longest) for trial, result in found)
        return cls(tuple(_skip_every_other_doubtful(runs)))

    def with_predecessors(self, cells: Collection[str]) -> CellRuns:
        """The runs in which all of these cells ran before this one."""
        return CellRuns(tuple(run for run in self.runs if run.preceding.issuperset(cells))) if cells else self

    def at(self, shas: Collection[str]) -> tuple[Run, ...]:
        """The runs at these commits."""
        return tuple(run for run in self.runs if run.sha in shas)

    def conclusive(self, *verdicts: Verdict) -> frozenset[str]:
        """The commits with at least one run of any of these verdicts."""
        return frozenset(run.sha for run in self.runs if run.verdict in verdicts)

    def in_doubt(self, shas: Collection[str]) -> str:
        """The load measure, if all failures at these commits are deadlines missed under load; else empty."""
        failures = [run for run in self.at(shas) if run.verdict is Verdict.BAD]
        return failures[0].busy if failures and all(run.doubtful for run in failures) else ""

    def passed_without_tests(self, shas: Collection[str]) -> str:
        """What it printed, if no test ran in any of its passes at these commits; else empty."""
        passes = [run for run in self.at(shas) if run.verdict is Verdict.GOOD]
        return passes[0].no_tests if passes and all(run.no_tests for run in passes) else ""

    def passed_with_failures(self, shas: Collection[str]) -> frozenset[str]:
        """The tests that its passes at these commits all report as failed."""
        passes = [frozenset(run.failed_tests) for run in self.at(shas) if run.verdict is Verdict.GOOD]
        return frozenset.intersection(*passes) if passes else frozenset()

    def failed_tests(self, shas: Collection[str]) -> frozenset[str]:
        """The tests that its failures at these commits report; empty names stand for other failures."""
        failures = (run.failure for run in self.at(shas) if run.verdict is Verdict.BAD and run.failure)
        signatures = (each for found in failures for each in (found.signature, *found.other_signatures))
        return frozenset(each.frame for each in signatures if each.role == ROLE)

    def counts(self, shas: Collection[str]) -> EndCounts:
        """Count the conclusive runs and the failures at these commits, whatever their signature."""
        here = self.at(shas)
        red = sum(run.outcome in RED for run in here)
        return EndCounts(red + sum(run.outcome is Outcome.PASSED for run in here), red)

    def observations(self, retries: int) -> tuple[tuple[str, Verdict], ...]:
        """The search's input as (sha, verdict): every conclusive run, then SKIP for every commit given up."""
        seen = [(run.sha, run.verdict) for run in self.runs if run.verdict is not Verdict.SKIP]
        return (*seen, *((sha, Verdict.SKIP) for sha in self.given_up(retries)))

    def given_up(self, retries: int) -> tuple[str, ...]:
        """The commits that are not retried, because too many of their runs gave no result.

        A run that another failure or a skip ended gives the commit up at once, unless the commit has other
        results. Runs lost to the machine, or to its load, are retried `retries` times, plus once for each
        conclusive run.
        """
        here: defaultdict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            here[run.sha].append(run)
        return tuple(sha for sha, runs in here.items() if _is_given_up(runs, retries))

    def skipped(self) -> tuple[tuple[str, str], ...]:
        """The commits without a conclusive run, each as (sha, reason)."""
        conclusive = self.conclusive(Verdict.GOOD, Verdict.BAD)
        return tuple({run.sha: run.reason for run in self.runs if run.sha not in conclusive}.items())

    def frames(self, shas: Collection[str]) -> frozenset[str]:
        """The files in the tracebacks of the first failure at these commits."""
        failure = self.failure(*shas)
        events = failure.chain if failure else ()
        return frozenset(frame.file for event in events for frame in event.frames)

    def failure(self, *shas: str, like: Failure | None = None) -> Failure | None:
        """The first failure evidence at these commits.

        Conclusive runs are preferred to skipped ones, then failures that have a signature of `like`.
        """
        known = frozenset(identifying_signatures(like)) if like else frozenset()
        here = [
            (run.verdict is Verdict.SKIP, known.isdisjoint(identifying_signatures(run.failure)), run.failure)
            for run in self.at(shas)
            if run.failure is not None
        ]
        return min(here, key=lambda found: found[:2])[2] if here else None


def _is_given_up(runs: Sequence[Run], retries: int) -> bool:
    skips = [run for run in runs if run.verdict is Verdict.SKIP]
    conclusive = len(runs) - len(skips)
    retryable = conclusive or all(run.doubtful or run.lost for run in skips)
    return len(skips) > retries + conclusive if retryable else bool(skips)


def _found(cell: str, trials: Sequence[TrialResult]) -> Iterator[tuple[TrialResult, CellResult]]:
    """The results of a cell; their failures lack signatures that its passing trials print as well."""
    results = [(trial, result) for trial in trials if (result := trial.cell(cell)) is not None]
    failed_at = {trial.sha for trial, result in results if result.outcome in RED}
    passed = (trial for trial, result in results if result.outcome is Outcome.PASSED)
    good = frozenset(each for trial in passed if trial.sha not in failed_at for each in trial.printed)
    for trial, result in results:
        yield trial, _without(result, good) if good else result


def _without(result: CellResult, good: frozenset[Signature]) -> CellResult:
    if result.failure is None:
        return result
    left = (command_without_good_events if result.failure.root.exit else failure_without_good_events)(
        result.failure, good
    )
    return result if left is result.failure else result.model_copy(update={"failure": left})


def _run(trial: TrialResult, result: CellResult, target: _Target, longest: float | None) -> Run:
    judgement = target.judge(result)
    if target.is_other_failure(trial, result):
        judgement = Judgement(verdict=Verdict.SKIP, reason=_OUT_OF_MEMORY)
    reason = result.reason or judgement.reason
    doubtful = judgement.verdict is Verdict.BAD and is_doubtful(trial, result, longest)
    busy = trial.slowed if doubtful else ""
    return Run(
        trial.sha,
        judgement.verdict,
        result.outcome,
        reason,
        result.failure,
        result.cell,
        trial,
        busy,
        result.no_tests,
        result.failed_tests,
    )


def is_doubtful(trial: TrialResult, result: CellResult, longest: float | None = None) -> bool:
    """Whether a cell missed a deadline while other work kept the machine busy.

    Not if it ended within half a second, or took so much longer than `longest`, the cell's longest passing
    run (seconds), that load cannot explain it.
    """
    if not trial.slowed or not is_missed_deadline(result.outcome, result.failure):
        return False
    if result.outcome is not Outcome.HUNG and result.seconds < _SHORTEST_S:
        return False
    return longest is None or result.seconds <= max(_TIMES_SLOWER * longest, longest + _SECONDS_SLOWER)


def _longest_pass(cell: str, trials: Sequence[TrialResult]) -> float | None:
    results = (trial.cell(cell) for trial in trials)
    passes = (each.seconds for each in results if each is not None and each.outcome is Outcome.PASSED)
    return max(passes, default=None)


def _skip_every_other_doubtful(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, with every other doubtful run of a commit skipped, so that two of them count as one failure.

    The commit is run again then, and the failure counts only if it repeats.
    """
    doubtful: Counter[str] = Counter()
    for run in runs:
        doubtful[run.sha] += run.doubtful
        if run.doubtful and doubtful[run.sha] % 2:
            reason = f"{run.reason}: uncertain, because the machine was busy ({run.busy})"
            yield replace(run, verdict=Verdict.SKIP, reason=reason)
        else:
            yield run


@dataclass(frozen=True)
class _Target:
    """The failures under investigation: those of the cell at the failing end, by identifying signatures.

    Failures of the machine itself are left out. Of a command, of which only the exit code counts, only hangs,
    failures before any test, and other failures are distinguished. Where memory ran out, a failure may have
    any signature: it counts only if memory ran out in all failures at the failing end.
    """

    signatures: frozenset[Signature]
    outcomes: frozenset[Outcome] = frozenset()
    runs_tests: bool = False
    out_of_memory: bool = False

    @classmethod
    def of(cls, goal: Goal, found: Iterable[tuple[TrialResult, CellResult]]) -> _Target:
        failed = [each for each in found if each[0].sha in goal.failing and each[1].outcome in RED]
        certain = [result for trial, result in failed if not trial.out_of_memory]
        red = certain or [result for _, result in failed]
        out_of_memory = bool(failed) and not certain
        if goal.by_exit_code:
            outcomes = frozenset(result.outcome for result in red)
            runs_tests = bool(red) and not any(result.no_tests for result in red)
            return cls(frozenset(), outcomes, runs_tests, out_of_memory)
        failures = [result.failure for result in red if result.failure]
        signatures = frozenset(each for failure in failures for each in identifying_signatures(failure))
        return cls(signatures, out_of_memory=out_of_memory)

    def is_other_failure(self, trial: TrialResult, result: CellResult) -> bool:
        """Whether a cell failed while memory ran out, which is not what is investigated."""
        return trial.out_of_memory and result.outcome in RED and not self.out_of_memory

    def judge(self, result: CellResult) -> Judgement:
        if self.outcomes and result.outcome in RED and result.outcome not in self.outcomes:
            signature = result.failure.signature if result.failure else result.outcome
            return Judgement(verdict=Verdict.SKIP, reason=f"another failure: {signature}")
        if self.runs_tests and result.outcome in RED and result.no_tests:
            return Judgement(verdict=Verdict.SKIP, reason=f"{NO_TEST_RAN}: {result.no_tests}")
        return classify(result.outcome, result.failure, self.signatures)
