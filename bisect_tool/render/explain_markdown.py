"""Render `explain --markdown`: the failures found in log files, ready to paste into an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.render.explain import grouped, where
from bisect_tool.render.markdown import environment
from bisect_tool.render.public import without_homes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.render.explain import Explanation

_WHOLE = 10
_BRIEF = 50


def markdown(found: Sequence[Explanation]) -> str:
    """Render the failures, each signature once, with a newline at the end."""
    groups = grouped(found)
    return (
        environment()
        .get_template("explain.md.j2")
        .render(
            failures=groups[:_WHOLE],
            brief=groups[_WHOLE : _WHOLE + _BRIEF],
            more=max(len(groups) - _WHOLE - _BRIEF, 0),
            where=lambda failure: without_homes(where(failure.places[0])),
            public=without_homes,
        )
    )
