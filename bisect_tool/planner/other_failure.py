"""Compare how a command failed at the commit found and at the failing end, to detect a second breakage.

Verdicts of a command follow its exit code alone, so bisection can find a different breakage of the same
check. Failures are compared by exit code, exception, innermost frame and message; a field that differs
between runs of one commit is noise and is ignored. A last line with neither exception nor frame is weak
evidence: it counts only if the commit found repeated it, and not if every commit has a line of its own, or
if it has the commit's id (`git log --oneline`).

A check may report one of several errors at random (`make -j`, parallel tests), so both commits are rerun
before their failures are reported as different.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import chain, combinations
from typing import TYPE_CHECKING

from bisect_tool.evidence import identifying_signatures
from bisect_tool.planner.types import OtherFailure
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bisect_tool.evidence import Failure, Signature
    from bisect_tool.planner.cell_runs import CellRuns

_FIELDS = ("exit", "exception", "frame", "message")
_ENOUGH = 2
"""The number of runs, or of commits, that show whether a text repeats."""
_COMPARED = 3
"""Runs at either commit before their failures are reported as different. If a check reports one of two
equally likely errors, 1 of 32 such comparisons shows a false difference."""


_ABBREVIATED = re.compile(r"[0-9a-f]{7,}")


def other_failure(
    cell_runs: CellRuns, found: Collection[str], failing: Collection[str]
) -> OtherFailure | None:
    """Return how the check failed at `found` and at `failing`, if the failures differ; else None."""
    seen = _failures(cell_runs)
    here = [failure for sha in found for failure in seen.get(sha, ())]
    there = [failure for sha in failing for failure in seen.get(sha, ())]
    if not here or not there:
        return None
    fields = _repeated(seen.values())
    if not _disjoint(here, there, fields) or (
        _only_last_lines_differ(here, there) and _is_noise(seen, found)
    ):
        return None
    return OtherFailure(here[0].root.headline, there[0].root.headline)


def to_compare_with(
    cell_runs: CellRuns, found: Collection[str], failing: Collection[str], between: Collection[str]
) -> str | None:
    """The commit to run before the two failures are reported as different; None if no run is needed.

    If nothing but the last line differs, one of the commits `between` shows whether each has its own.
    """
    if other_failure(cell_runs, found, failing) is None:
        return None
    again = (sha for sha in (*failing, *found) if 0 < len(cell_runs.at((sha,))) < _COMPARED)
    third = between if _has_two_last_lines(cell_runs) and not cell_runs.at(between) else ()
    return next(chain(again, third), None)


def _has_two_last_lines(cell_runs: CellRuns) -> bool:
    """Whether the check failed at two commits only, with nothing but a last line."""
    seen = _failures(cell_runs)
    failures = [failure for each in seen.values() for failure in each]
    return len(seen) == _ENOUGH and _only_last_lines_differ(failures, failures)


def _failures(cell_runs: CellRuns) -> Mapping[str, Sequence[Failure]]:
    """Failures with the verdict BAD, by commit; hangs are left out, as they have no exit code."""
    seen: defaultdict[str, list[Failure]] = defaultdict(list)
    for run in cell_runs.runs:
        if run.verdict is Verdict.BAD and run.failure is not None and run.failure.signature.exit:
            seen[run.sha].append(run.failure)
    return seen


def _repeated(by_commit: Iterable[Sequence[Failure]]) -> tuple[str, ...]:
    """Return the fields in which any two runs of one commit agree."""
    pairs = [pair for failures in by_commit for pair in combinations(failures, 2)]
    return tuple(
        field for field in _FIELDS if not any(_disjoint([one], [other], (field,)) for one, other in pairs)
    )


def _disjoint(here: Iterable[Failure], there: Iterable[Failure], fields: Sequence[str]) -> bool:
    return _values(here, fields).isdisjoint(_values(there, fields))


def _values(failures: Iterable[Failure], fields: Sequence[str]) -> set[tuple[str, ...]]:
    signatures = (signature for failure in failures for signature in identifying_signatures(failure))
    return {tuple(getattr(signature, field) for field in fields) for signature in signatures}


def _only_last_lines_differ(here: Iterable[Failure], there: Iterable[Failure]) -> bool:
    """Whether nothing but the last line of the output differs."""
    signatures = [failure.signature for failure in (*here, *there)]
    return all(not _is_named(each) for each in signatures) and not _disjoint(here, there, ("exit",))


def _is_named(signature: Signature) -> bool:
    return bool(signature.exception or signature.frame)


def _is_named_in(sha: str, text: str) -> bool:
    return any(sha.startswith(each) for each in _ABBREVIATED.findall(text))


def _is_noise(seen: Mapping[str, Sequence[Failure]], found: Collection[str]) -> bool:
    if any(len(seen.get(sha, ())) < _ENOUGH for sha in found if sha in seen):
        return True
    if any(_is_named_in(sha, failures[0].root.message) for sha, failures in seen.items()):
        return True
    texts = {failures[0].signature.message for failures in seen.values()}
    return len(seen) > _ENOUGH and len(texts) == len(seen)
