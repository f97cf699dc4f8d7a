"""Render `explain --markdown`: the failures found in log files, ready to paste into an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.render.explain import grouped, where
from bisect_tool.render.markdown import environment
from bisect_tool.render.public_document import without_homes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.render.explain import Explanation

_FULL_LIMIT = 10
_BRIEF_LIMIT = 50


def markdown(found: Sequence[Explanation]) -> str:
    """Render the failures, each signature once, with a newline at the end."""
    groups = grouped(found)
    return (
        environment()
        .get_template("explain.md.j2")
        .render(
            failures=groups[:_FULL_LIMIT],
            brief=groups[_FULL_LIMIT : _FULL_LIMIT + _BRIEF_LIMIT],
            more=max(len(groups) - _FULL_LIMIT - _BRIEF_LIMIT, 0),
            where=lambda failure: without_homes(where(failure.places[0])),
            public=without_homes,
        )
    )
