"""Read the results that a watch did not run: files, or the builds of a CI service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.ci_results.collect import collect
from bisect_tool.ci_results.failed_before_tests import with_passed_groups
from bisect_tool.ci_results.junit_files import junit_observations
from bisect_tool.ci_results.service_names import check_pattern
from bisect_tool.errors import UsageError
from bisect_tool.format import count, listing, short
from bisect_tool.nightly_run.source_options import source_options
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.nightly_rules.history import History
    from bisect_tool.options.watches import Watch


def observations_of_others(  # noqa: PLR0913, PLR0917 - what `collect` needs
    watch: Watch,
    history: History,
    environment: Mapping[str, str],
    cache: Path,
    notify: Callable[[str], None],
    now: datetime,
) -> tuple[Observation, ...]:
    """Return the results of a watch; `cache` is the folder of downloads.

    Raises:
        UsageError: a file or an option is wrong, or no result is of a commit in the history.
        EnvironmentFailed: a service cannot be reached, or its answer does not match its documentation.
    """
    options = watch.options
    elsewhere = f"not in the history of {clean_line(options.ref, 100)}"
    found = [
        each
        for pattern in options.results
        for each in junit_observations(pattern, watch.name, notify, history.full_id, elsewhere)
    ]
    if options.job and found:
        found = _of_jobs(options.job, found)
    if options.source:
        found += collect(source_options(options), watch.name, environment, cache, notify, now)
    require_commits_of(history, found, options.ref)
    return with_passed_groups(found)


def _of_jobs(pattern: str, found: Sequence[Observation]) -> list[Observation]:
    """The results of jobs whose whole name matches.

    Raises:
        UsageError: none does, or it is not a regular expression.
    """
    check_pattern("--job", pattern)
    chosen = [each for each in found if re.fullmatch(pattern, each.key.job)]
    if not chosen:
        jobs = [clean_line(each, 100) for each in sorted({each.key.job for each in found})]
        raise UsageError(
            f"no job in --results matches --job {clean_line(pattern, 100)}",
            f"A job is named by a property of the report, or by its suite. Jobs: {listing(jobs)}.",
        )
    return chosen


def require_commits_of(history: History, found: Sequence[Observation], ref: str) -> None:
    """Check that at least one result is of a commit in the history.

    Raises:
        UsageError: there is none.
    """
    commits = dict.fromkeys(each.commit for each in found)
    if commits.keys().isdisjoint(history.positions):
        raise UsageError(
            f"none of {count(len(found), 'result')} belongs to a commit in the history of "
            f"{clean_line(ref, 100)}; their commits: {listing([short(each) for each in commits])}",
            "Fetch the repository, and check --ref and --branch.",
        )
