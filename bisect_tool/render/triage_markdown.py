"""Render `triage --markdown`: the report, ready to paste into an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.render.markdown import environment
from bisect_tool.render.public_document import without_homes
from bisect_tool.render.triage import sections

if TYPE_CHECKING:
    from bisect_tool.triage.facts import Triage


def markdown(found: Triage) -> str:
    """Render the report; text from the page is rendered as code. Ends with a newline."""
    template = environment().get_template("triage.md.j2")
    return template.render(found=found, sections=sections(found), public=without_homes)
