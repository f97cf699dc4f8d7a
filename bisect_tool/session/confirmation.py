"""Confirm culprits: the `fixes` session that reverts them on the bad end after a bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.fix_candidates.candidate_commits import build_singles, reverts, span
from bisect_tool.mode import Bisect, Fixes
from bisect_tool.options.resolve import Resolved
from bisect_tool.session import session as sessions
from bisect_tool.stats import false_pass_probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.mode import Mode
    from bisect_tool.planner import CellConclusion, State
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import Store

_LEAST_RUNS, _MOST_RUNS = 2, 30


def why_not(session: Session, state: State) -> str:
    """The reason why there is nothing to confirm; empty if there is something."""
    if session.request.finds_fix:
        return "nothing to confirm: the search was for a fix, and --confirm reverts culprits"
    if state.stopped:
        return "nothing confirmed yet: the budget was used up"
    return "" if culprits(session, state) else "nothing to confirm: no culprit is named"


def culprits(session: Session, state: State) -> tuple[CellConclusion, ...]:
    """Return the conclusions whose culprits are reverted; empty while the bisection is unfinished."""
    mode = session.request.mode
    if not isinstance(mode, Bisect) or mode.confirm is None or mode.find == "fix":
        return ()
    if not state.over or state.stopped:
        return ()
    return tuple(item for item in state.conclusions if item.culprit)


def existing_session(session: Session, found: Sequence[CellConclusion], store: Store) -> Session | None:
    """Return the existing session that confirms these culprits, or None."""
    asked = _asked(session, found)
    rows = store.confirming(session.id)
    taken_up = (sessions.load(row.id, store, session.home) for row in rows)
    return next((each for each in taken_up if _same(each.request.mode, asked)), None)


def begin(session: Session, found: Sequence[CellConclusion], store: Store) -> Session:
    """Create the session that confirms these culprits, each reverted on the bad end."""
    bisected = session.request
    update = {"mode": _asked(session, found), "fresh": bisected.fresh or not bisected.mode.shares_trials}
    request = build_singles(bisected.model_copy(update=update), session.repository)
    resolved = Resolved(request, session.repository, span(request, session.repository))
    return sessions.create(resolved, store, session.home)


def passes(found: Sequence[CellConclusion], confidence: float) -> int:
    """Return the required passing runs, so that an unfixed cell passes all with at most 1 - `confidence`.

    At most `_MOST_RUNS`; the remaining false-pass probability is reported with the result.
    """
    counted = [item.broken for item in found if item.broken]
    enough = (
        times
        for times in range(_LEAST_RUNS, _MOST_RUNS)
        if all(false_pass_probability(each.failed, each.runs, times) <= 1 - confidence for each in counted)
    )
    return next(enough, _MOST_RUNS)


def _asked(session: Session, found: Sequence[CellConclusion]) -> Fixes:
    shas = (item.culprit for item in found if item.culprit)
    mode = session.request.mode
    assert isinstance(mode, Bisect)
    return Fixes(
        candidates=reverts(shas, session.repository, session.request.bad),
        runs=passes(found, mode.confidence),
        confirms=session.id,
        cells={item.cell: item.prerequisites for item in found},
    )


def _same(mode: Mode, asked: Fixes) -> bool:
    return isinstance(mode, Fixes) and (mode.candidates, mode.cells) == (asked.candidates, asked.cells)
