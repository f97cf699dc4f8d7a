"""Which fixes did not last: the page says that they were reverted, or that they did not help. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.triage.sentences import around, certainty, parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.triage.links import Links

Place = tuple[int, int]
"""The number of a line and the character in it."""

_UNDONE_AFTER = re.compile(
    r"^[\s,)]*(?:(?:which|that|but|has|had|have|was|were|got|is|then|later|been|also|since|and|it|however|itself)"
    r"[\s,]+)*(?:reverted|backed out|rolled back|only partial\w*|"
    r"(?:did not|didn['\u2019]t|does not|doesn['\u2019]t|failed to) (?:\w+ )?(?:fix|help|resolve|solve|work)|"
    r"(?:not|wasn['\u2019]t|isn['\u2019]t) (?:enough|sufficient|the (?:right )?fix|a fix))\b",
    re.IGNORECASE,
)
_UNDONE_BEFORE = re.compile(
    r"\b(?:we|i|they|have|had|just) (?:reverted|rolled back) (?:PR )?$|\bnot (?:by |in |with )?(?:PR )?$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\b(?:still (?:fail\w*|red|broken|happen\w*|see(?:ing)?|reproduc\w*|hang\w*|crash\w*)|re-?opened|"
    r"re-?opening|(?:fail\w*|broken|red|happen\w*) again|(?:it|failure) is back)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:\b(?:not|no longer|never)|n['\u2019]t)\s+$", re.IGNORECASE)


def undone(links: Links) -> Mapping[int, Place]:
    """Where the page last says of a pull request that it was reverted or did not help."""
    found: dict[int, Place] = {}
    for at, line in enumerate(links.page.lines):
        if line.pull is not None:
            continue
        for each in links.discussed(line):
            before, after = around(line.text, each.start, each.end)
            if _UNDONE_AFTER.match(after) or _UNDONE_BEFORE.search(before):
                found[each.number] = at, each.end
    return found


def failed_again(links: Links) -> Place:
    """The last place where the page says that it still or again fails; the beginning if there is none."""
    last = (-1, 0)
    for at, line in enumerate(links.page.lines):
        if line.code or line.pull is not None:
            continue
        for start, sentence in parts(line):
            match = _AGAIN.search(sentence)
            sure = match and certainty(sentence) == "stated"
            if match and sure and not _DENIED.search(sentence[: match.start()]):
                last = at, start + match.start()
    return last
