"""What trials left behind, in as few lines as tell it: a killed engine leaves a socket for each process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.report.document import Document

_EACH = 3
"""Up to so many of a kind are told one by one."""
_MORE = re.compile(r"\w+ \.\.\. and (?P<over>over )?(?P<number>\d{1,6}) more")


def left_behind(document: Document) -> tuple[tuple[str, str], ...]:
    """The commit, and what its trials left: each of few of a kind, or the first and how many more."""
    found: dict[tuple[str, str], list[str]] = {}
    for trial in document.trials:
        for item in trial.leftovers:
            found.setdefault((trial.sha, item.partition(" ")[0]), []).append(item)
    return tuple((sha, told) for (sha, _), items in found.items() for told in _told(items))


def _told(items: Sequence[str]) -> Sequence[str]:
    if len(items) <= _EACH:
        return items
    besides = [more for more in map(_MORE.fullmatch, items) if more]
    number = len(items) - len(besides) + sum(int(more["number"]) for more in besides) - 1
    over = "over " if any(more["over"] for more in besides) else ""
    return (f"{items[0]} and {over}{number} more",)
