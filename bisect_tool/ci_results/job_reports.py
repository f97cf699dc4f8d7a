"""Match the JUnit reports of a build with its jobs, and merge them with the results of logs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bisect_tool.ci_results.job_results import JobResults
    from bisect_tool.ci_results.junit_report import Report
    from bisect_tool.ci_results.observation import Observation

_REPORT = re.compile(r"junit|test-results|test-reports", re.IGNORECASE)
_NEVER = datetime.min.replace(tzinfo=UTC)
_PYTHON = ".py"
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Artefact:
    """An artefact of a build."""

    name: str
    created: datetime | None
    url: str
    size: int = 0
    is_expired: bool = False

    @property
    def is_report(self) -> bool:
        """Whether its name is one of a JUnit report."""
        return _REPORT.search(self.name) is not None


def attempt_of(artefact: Artefact, attempts: Sequence[Observation]) -> Observation | None:
    """Return the attempt of a job that made an artefact; None if that is ambiguous.

    The name of the artefact contains that of the job, word by word, or the build has one job only. Of several
    attempts, it is the last one that had started when the artefact was created.
    """
    jobs = {job.key.job for job in attempts}
    named = [job for job in jobs if _contains(_words(artefact.name), _words(job))]
    longest = max((len(_words(job)) for job in named), default=0)
    found = [job for job in named if len(_words(job)) == longest] or list(jobs)
    if len(found) != 1:
        return None
    ran = [job for job in attempts if job.key.job == found[0]]
    before = [job for job in ran if _had_started(job, artefact)]
    return max(before or ran, key=lambda job: (job.started or _NEVER, job.attempt))


def _words(name: str) -> list[str]:
    return _WORD.findall(name.lower())


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    starts = range(len(words) - len(part) + 1)
    return bool(part) and any(words[start : start + len(part)] == part for start in starts)


def _had_started(job: Observation, artefact: Artefact) -> bool:
    return bool(job.started and artefact.created and job.started <= artefact.created)


def with_reports(results: JobResults, reports: Iterable[Report]) -> JobResults:
    """Return the results of an attempt, completed by its reports, which list all tests that ran.

    An infrastructure failure stays one. A failure that only the log has is kept.
    """
    tests = [test for report in reports for test in report.results]
    failed = {test.name: test.exception for test in tests if test.state is State.FAILED}
    passed = frozenset(test.name for test in tests if test.state is State.PASSED) - failed.keys()
    state = results.job.state
    if not tests or state in (State.INFRASTRUCTURE, State.MISSING, State.PENDING):
        return results
    if state is State.FAILED and not failed:
        return replace(results, passed=results.passed | passed - results.failed.keys())
    return replace(results, failed=failed, passed=passed, is_complete=True)


def with_node_ids(results: Iterable[JobResults], logs: Iterable[JobResults]) -> tuple[JobResults, ...]:
    """Return the results with the tests named as in the logs, by node id."""
    files = files_of(test for each in logs for test in (*each.failed, *each.passed))
    return tuple(
        replace(
            each,
            failed={node_id(test, files): exception for test, exception in each.failed.items()},
            passed=frozenset(node_id(test, files) for test in each.passed),
        )
        for each in results
    )


def files_of(tests: Iterable[str]) -> Mapping[str, str]:
    """Return the files of tests that are named by node id, by module."""
    named = {test.partition("::")[0] for test in tests}
    return {file[: -len(_PYTHON)].replace("/", "."): file for file in named if file.endswith(_PYTHON)}


def node_id(test: str, files: Mapping[str, str]) -> str:
    """Return the node id of a test that a pytest report names by its module, `tests.test_a.TestA::test_b`."""
    where, _, name = test.partition("::")
    parts = where.split(".")
    for end in range(len(parts), 0, -1):
        file = files.get(".".join(parts[:end]))
        if file:
            return "::".join((file, *parts[end:], name))
    return test
