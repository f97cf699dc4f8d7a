"""Read JUnit XML files of earlier runs as observations: each file is one job at one commit."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bisect_tool.ci_results.download_url import download
from bisect_tool.ci_results.junit_failures import failures_of
from bisect_tool.ci_results.junit_report import read_report
from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.ci_results.report_file import SIZE_LIMIT
from bisect_tool.ci_results.report_files import report_files
from bisect_tool.errors import UsageError
from bisect_tool.log_input.junit import NotJunit
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.ci_results.junit_report import Report, TestResult
    from bisect_tool.ci_results.report_file import ReportFile

_SHA = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,64}(?![0-9A-Za-z])")
_PROPERTIES = ("commit", "git_commit", "git.commit", "revision", "GITHUB_SHA", "BUILDKITE_COMMIT")


def junit_observations(
    pattern: str,
    series: str,
    note: Callable[[str], None],
    resolve: Callable[[str], str],
    unresolved: str = "unknown",
) -> tuple[Observation, ...]:
    """Read the files that a pattern matches (`nightly-*/junit.xml`; `**` for any depth), or a URL.

    A file is JUnit XML, or a .zip or .tar.gz archive of JUnit XML. The commit of a report is one of its
    properties (`commit`, `revision`, ...), else the content of a file named `commit` beside it, else the
    last commit id in its path.

    Args:
        pattern: a file, a folder, a pattern, or a URL of one file.
        series: the name of the results.
        note: called with a sentence for each file that is left out.
        resolve: returns the full id of a commit, or empty if it is unknown.
        unresolved: how to describe an unknown commit.

    Raises:
        UsageError: no file matches, or none can be read.
        EnvironmentFailed: the server of a URL cannot be reached.
    """
    found: list[Observation] = []
    for file in report_files(pattern, note, lambda url: download(url, SIZE_LIMIT)):
        found += _of_file(file, series, note, resolve, unresolved)
    if not found:
        raise UsageError(
            f"no file that matches {clean_line(pattern, 300)} contains the result of a commit",
            "The notes above say why files were left out.",
        )
    return tuple(found)


def _of_file(
    file: ReportFile,
    series: str,
    note: Callable[[str], None],
    resolve: Callable[[str], str],
    unresolved: str,
) -> tuple[Observation, ...]:
    name = clean_line(file.path, 300)
    try:
        report = read_report(file.content)
    except NotJunit as error:
        note(f"{name} is left out: {error}")
        return ()
    written = _commits(file, report)
    commit = next(filter(None, map(resolve, written)), "")
    if not commit:
        why = f"commit {written[0]} is {unresolved}" if written else "it names no commit"
        note(f"{name} is left out: {why}")
        return ()
    return _of_report(report, file, series, commit)


def _of_report(report: Report, file: ReportFile, series: str, commit: str) -> tuple[Observation, ...]:
    job, shard = (report.properties.get(name, "") for name in ("job", "shard"))
    build = clean_line(_resolved(file.folder), 300)
    failures = failures_of(report, file.content)
    return tuple(
        Observation(
            CellKey(series, job or result.suite, shard, result.name),
            commit,
            build,
            attempt,
            state,
            report.host,
            report.started,
            report.finished,
            file.path,
            exception,
            failures.get(result.name) if state is State.FAILED else None,
        )
        for result in report.results
        for attempt, state, exception in _attempts(result, clean_line(file.name, 300))
    )


def _attempts(result: TestResult, name: str) -> Iterator[tuple[str, State, str]]:
    """The attempts of a test, each with a name: those that failed before one passed are known as well."""
    for number, exception in enumerate(result.flaked, 1):
        yield f"{name} try {number}", State.FAILED, exception
    yield name, result.state, result.exception


def _commits(file: ReportFile, report: Report) -> list[str]:
    """Return what may be the commit of a report, likeliest first: a date in a path may look like one."""
    for name in _PROPERTIES:
        if _SHA.fullmatch(report.properties.get(name, "")):
            return [report.properties[name]]
    if beside := _SHA.search(file.sidecar):
        return [beside[0]]
    return _SHA.findall(file.path)[::-1]


def _resolved(folder: str) -> str:
    """Return the resolved path of a folder; a URL unchanged."""
    return folder if "://" in folder else os.path.realpath(folder)
