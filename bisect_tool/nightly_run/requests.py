"""Make the requests of a watch: its check at a commit, and the bisection of a range."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from bisect_tool.mode import Bisect, ObservedRuns, Walk
from bisect_tool.nightly_rules.reason import WALK_LIMIT, Reason
from bisect_tool.options import executor_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.resolve_mode import span_of
from bisect_tool.options.run_options import ReproOptions, RunOptions
from bisect_tool.request import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bisect_tool.nightly_rules.decision import Bisect as BisectDecision
    from bisect_tool.nightly_rules.decision import KnownTrials
    from bisect_tool.options.nightly_options import NightlyOptions
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.options.watches import Watch
    from bisect_tool.paths import Home

_OWN = {"as_json", "results", *executor_options.FIELDS}
"""Options that have another meaning for a watch, which reads CI but runs its trials here."""
_Options = TypeVar("_Options", RunOptions, ReproOptions)


def check_at(watch: Watch, rev: str, runs: int, home: Home, notify: Callable[[str], None]) -> Resolved:
    """Return the request to run the check of a watch N times at a commit.

    Raises:
        UsageError: the check, the commit or the repository does not exist.
    """
    options = _with(watch.options, ReproOptions(rev=rev, runs=runs))
    return _watched(resolve(options, home, notify), Watched(name=watch.name))


def bisection(
    watch: Watch,
    decision: BisectDecision,
    minutes: float | None,
    home: Home,
    notify: Callable[[str], None],
) -> Resolved:
    """Return the bisection of a range for the cells that turned red in it, with a budget of `minutes`.

    Raises:
        UsageError: the check or the repository does not exist, or there is nothing between the ends.
    """
    ends = RunOptions(
        good=(decision.good,) if decision.good else (),
        bad=decision.bad,
        # A bisection is repeated if its trials gave no result.
        fresh=decision.reason in (Reason.REPEATED, Reason.OTHER_REGRESSION),
        # Its good end fails in another way; for a test, that is no result anyway.
        same_failure=decision.reason is Reason.OTHER_REGRESSION and bool(watch.options.command),
    )
    options = replace(_with(watch.options, ends), budget_minutes=minutes)
    cells = tuple((key.series, key.job, key.shard, key.cell, key.environment) for key in decision.cells)
    mark = Watched(name=watch.name, cells=cells, exception=decision.exception)
    return _watched(_limited(resolve(options, home, notify)), mark)


def with_observations(resolved: Resolved, trials: Iterable[KnownTrials]) -> Resolved:
    """Add the known trials of each test, of all jobs that run it, to a bisection."""
    mode = resolved.request.mode
    assert isinstance(mode, Bisect | Walk)
    runs: defaultdict[tuple[str, str], list[KnownTrials]] = defaultdict(list)
    for each in trials:
        if each.cell.cell:
            runs[each.cell.cell, each.commit].append(each)
    found = tuple(
        ObservedRuns(
            cell=cell,
            commit=commit,
            passed=sum(each.passed for each in same),
            failed=sum(each.failed for each in same),
        )
        for (cell, commit), same in runs.items()
    )
    request = resolved.request.model_copy(update={"mode": mode.model_copy(update={"observations": found})})
    return replace(resolved, request=request)


def _limited(resolved: Resolved) -> Resolved:
    """Limit how far a bisection without a good end goes back, so that it ends within a night."""
    mode = resolved.request.mode
    if not isinstance(mode, Walk):
        return resolved
    limited = mode.model_copy(update={"limit": WALK_LIMIT})
    request = resolved.request.model_copy(update={"mode": limited})
    return replace(resolved, request=request, range=span_of(request, resolved.repository))


def _with(options: NightlyOptions, wanted: _Options) -> _Options:
    """Return these options, overridden by the options of the watch of the same name."""
    given = {field.name for field in fields(wanted)} & {field.name for field in fields(options)}
    return replace(wanted, **{name: getattr(options, name) for name in given - _OWN})


def _watched(resolved: Resolved, mark: Watched) -> Resolved:
    return replace(resolved, request=resolved.request.model_copy(update={"watched": mark}))
