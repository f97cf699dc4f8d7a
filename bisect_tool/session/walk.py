"""Continue a walk back to an unknown end: create the session that bisects from the end it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.mode import Walk
from bisect_tool.options.rerun import with_found_end
from bisect_tool.options.resolve import Resolved
from bisect_tool.options.resolve_mode import span_of
from bisect_tool.planner import WalkPlanner, found_end
from bisect_tool.session import session as sessions

if TYPE_CHECKING:
    from bisect_tool.request import Request
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import Store


def follow(session: Session, store: Store) -> Session | None:
    """Return the session that bisects from the end that a walk found, existing or new; else None."""
    assert isinstance(session.planner, WalkPlanner)
    end = found_end(session.planner.goal, [row.result for row in sessions.trials(session, store)])
    if end is None:
        return None
    request = _bisection(session.request, end, session.id)
    for row in store.confirming(session.id):
        existing = sessions.load(row.id, store, session.home)
        if existing.request.ends == request.ends:
            return existing
    resolved = Resolved(request, session.repository, span_of(request, session.repository))
    return sessions.create(resolved, store, session.home)


def _bisection(request: Request, end: str, walk: str) -> Request:
    """Return the request that bisects from the end that the session `walk` found."""
    mode = request.mode
    assert isinstance(mode, Walk)
    fix, short = mode.find == "fix", end[:12]
    lines = {
        name: with_found_end(getattr(mode, name), short, fix=fix)
        for name in ("rerun_unlimited", "rerun_same_failure")
    }
    found = mode.bisection(end, walk).model_copy(update=lines)
    return request.model_copy(update={"mode": found, "rerun": with_found_end(request.rerun, short, fix=fix)})
