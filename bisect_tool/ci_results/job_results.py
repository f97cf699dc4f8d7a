"""Derive observations of single tests from jobs and their known results. Pure.

The log of a failed job names the tests that failed, and rarely those that passed; logs of passed jobs are not
read. So a test that failed in one attempt of a job is observed in the others of its shard and environment:

- as passed where the job passed as a whole, or where its log or report lists the test as passed;
- as killed, pending or missing where the job was;
- not at all where the job failed without naming it: it may not have run.

Whether the test existed in a passed job is unknown; for a new test, a bisection names the commit that added
it. A complete report lists what ran, so that nothing is derived from its job.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bisect_tool.ci_results.observation import CellKey, Observation
    from bisect_tool.evidence import Failure


@dataclass(frozen=True)
class JobResults:
    """One attempt of a job, and the known results of its tests.

    Attributes:
        job: the attempt as a whole; its key has no cell.
        failed: the tests that failed, with the class of the exception, empty if unknown.
        passed: the tests that passed.
        is_complete: whether all tests that ran are known.
        failures: of tests that failed, how they did, if the log says so.
    """

    job: Observation
    failed: Mapping[str, str] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    is_complete: bool = False
    failures: Mapping[str, Failure] = field(default_factory=dict)


def observations(results: Iterable[JobResults]) -> tuple[Observation, ...]:
    """Return the results of single tests; of the whole job if none of its tests is known to have failed.

    The passed attempts of a job are kept as well if another one failed without naming a test.
    """
    results = tuple(results)
    tests: defaultdict[CellKey, set[str]] = defaultdict(set)
    for each in results:
        tests[each.job.key].update(each.failed, each.passed if each.is_complete else ())
    unexplained = {each.job.key for each in results if _is_unexplained(each)}
    return tuple(
        one
        for each in results
        for one in (
            *_of_tests(each, sorted(tests[each.job.key])),
            *_whole(each, is_whole=not tests[each.job.key] or each.job.key in unexplained),
        )
    )


def _is_unexplained(results: JobResults) -> bool:
    return results.job.state is State.FAILED and not results.failed


def _of_tests(results: JobResults, tests: Iterable[str]) -> Iterator[Observation]:
    for test in tests:
        state = _state(results, test)
        if state is not None:
            key = replace(results.job.key, cell=test)
            failed, failure = results.failed.get(test, ""), results.failures.get(test)
            failure = failure if state is State.FAILED else None
            yield replace(results.job, key=key, state=state, exception=failed, failure=failure)


def _state(results: JobResults, test: str) -> State | None:
    if test in results.failed:
        return State.FAILED
    if test in results.passed:
        return State.PASSED
    if results.is_complete or results.job.state is State.FAILED:
        return None
    return results.job.state


def _whole(results: JobResults, *, is_whole: bool) -> Iterator[Observation]:
    """Yield the job itself, if it is a cell of its own and no test explains the failure."""
    if is_whole and not results.failed:
        yield results.job
