"""Read the results that `--results` names, for use as evidence in a bisection."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bisect_tool.ci_results.junit_files import junit_observations
from bisect_tool.ci_results.observation import CONCLUSIVE, State
from bisect_tool.errors import UsageError
from bisect_tool.format import listing
from bisect_tool.mode import ObservedRuns
from bisect_tool.planner.reported_names import ambiguous

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bisect_tool.git import Repository

_SERIES = "results"


def resolve_results(
    patterns: Iterable[str], repository: Repository, notice: Callable[[str], None]
) -> tuple[ObservedRuns, ...]:
    """Count how often each test, by its name in the reports, passed and failed at each commit.

    Raises:
        UsageError: a pattern matches no file, or none of its files can be read.
    """

    def full_id(name: str) -> str:
        try:
            return repository.resolve(name)
        except UsageError:  # an unknown commit is reported when the files are read
            return ""

    found = [
        each
        for pattern in patterns
        for each in junit_observations(pattern, _SERIES, notice, full_id)
        if each.state in CONCLUSIVE
    ]
    runs = Counter((each.key.cell, each.commit, each.state) for each in found)
    cells = dict.fromkeys((cell, commit) for cell, commit, _ in runs)
    if names := ambiguous(dict.fromkeys(cell for cell, _ in cells)):
        notice(
            f"--results: several tests are named {listing(names)}; "
            "their results are used only for cells of the same file"
        )
    return tuple(
        ObservedRuns(
            cell=cell,
            commit=commit,
            passed=runs[cell, commit, State.PASSED],
            failed=runs[cell, commit, State.FAILED],
        )
        for cell, commit in cells
    )
