"""JUnit XML files of earlier runs as observations: each file is the result of one job at one commit."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.logs.junit import NoJunit
from bisect_tool.sanitise import clean_line
from bisect_tool.sources.junit_report import read_report
from bisect_tool.sources.observation import CellKey, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.sources.junit_report import Report

_SHA = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,64}(?![0-9A-Za-z])")
_PROPERTIES = ("commit", "git_commit", "git.commit", "revision", "GITHUB_SHA", "BUILDKITE_COMMIT")
_SIDECAR = "commit"
_SIZE_LIMIT = 256 << 20


def junit_observations(
    pattern: str, series: str, note: Callable[[str], None], resolve: Callable[[str], str]
) -> tuple[Observation, ...]:
    """Read the files that a pattern matches (`nightly-*/junit.xml`; `**` for any depth).

    The commit of a file is a property of its report (`commit`, `revision`, ...), else the text of a file
    named `commit` beside it, else the last commit id in its path.

    Args:
        pattern: a file, a folder, or a pattern.
        series: what the results are called.
        note: is given a sentence about each file that is left out.
        resolve: returns the full id of a commit, or empty if it is not known.

    Raises:
        UsageError: no file matches, or none could be read.
    """
    paths = list(_paths(pattern))
    if not paths:
        raise UsageError(f"no file matches {clean_line(pattern, 300)}", "Quote the pattern of --results.")
    found = [each for path in paths for each in _of_file(path, series, note, resolve)]
    if not found:
        raise UsageError(
            f"none of {len(paths)} files of {clean_line(pattern, 300)} holds a result of a commit"
        )
    return tuple(found)


def _paths(pattern: str) -> Iterator[Path]:
    if Path(pattern).is_dir():
        pattern = os.path.join(glob.escape(pattern), "**", "*.xml")  # noqa: PTH118 - a pattern, not a path
    yield from (Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if Path(name).is_file())  # noqa: PTH207


def _of_file(
    path: Path, series: str, note: Callable[[str], None], resolve: Callable[[str], str]
) -> tuple[Observation, ...]:
    name = clean_line(str(path), 300)
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            note(f"{name} is left out: larger than any test report")
            return ()
        report = read_report(path.read_bytes())
        written = _commits(path, report)
    except (OSError, NoJunit) as error:
        note(f"{name} is left out: {getattr(error, 'strerror', None) or error}")
        return ()
    commit = next(filter(None, map(resolve, written)), "")
    if not commit:
        note(f"{name} is left out: {f'commit {written[0]} is unknown' if written else 'it names no commit'}")
        return ()
    return _of_report(report, path, series, commit)


def _of_report(report: Report, path: Path, series: str, commit: str) -> tuple[Observation, ...]:
    job = report.properties.get("job", "") or report.suite
    shard = report.properties.get("shard", "")
    return tuple(
        Observation(
            CellKey(series, job, shard, result.name),
            commit,
            clean_line(str(path.parent), 300),
            clean_line(path.name, 300),
            result.state,
            report.host,
            report.started,
            report.finished,
            str(path),
            result.exception,
        )
        for result in report.results
    )


def _commits(path: Path, report: Report) -> list[str]:
    """What may be the commit of a report, the likeliest first: in a path a date looks like one as well."""
    for name in _PROPERTIES:
        if _SHA.fullmatch(report.properties.get(name, "")):
            return [report.properties[name]]
    sidecar = path.with_name(_SIDECAR)
    if sidecar.is_file():
        with sidecar.open("rb") as file:
            written = _SHA.search(file.read(1000).decode("utf-8", "replace"))
        if written:
            return [written[0]]
    return _SHA.findall(str(path))[::-1]
