"""HTML pages whose data are in a `<script type="application/json">`, for a browser to render. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from bisect_tool.triage.json_page import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.triage.page import RawLine, RawPage

_COMPARED = 200
_SPACE = re.compile(r"[\W_]+")


def with_embedded_data(shown: RawPage, scripts: Iterable[str]) -> RawPage:
    """Add the data embedded in a page to the page.

    If most of the data's text is also shown, the shown text is kept, and the data only add pull requests and
    builds. Otherwise the data's text replaces the shown one.
    """
    found = [page for script in scripts if (page := read_json(script)) is not None]
    data = next((page for page in found if page.lines or page.builds), None)
    if data is None:
        return shown
    known = replace(
        shown,
        project=shown.project or data.project,
        number=shown.number or data.number,
        created=shown.created or data.created,
        pulls=data.pulls,
        builds=data.builds,
    )
    return known if _is_shown(data.lines, shown.lines) else replace(known, lines=data.lines, title=data.title)


def _is_shown(lines: Iterable[RawLine], shown: Iterable[RawLine]) -> bool:
    """Whether half or more of the first lines are among those shown, whatever their markup."""
    text = _bare(" ".join(line.text for line in shown))
    wanted = [bare for line in islice(lines, _COMPARED) if (bare := _bare(line.text))]
    return 2 * sum(bare in text for bare in wanted) >= len(wanted)


def _bare(text: str) -> str:
    return _SPACE.sub("", text).lower()
