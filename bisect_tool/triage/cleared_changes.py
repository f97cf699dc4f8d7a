"""Which changes the page clears of the failure, and where it does so. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.triage.sentences import around, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.triage.links import Links
    from bisect_tool.triage.named_changes import Named
    from bisect_tool.triage.page import Line

_DID_NOT = r"(?:did not|didn['\u2019]?t|does not|doesn['\u2019]?t)"
_CLEAR = (
    r"(?:cleared|exonerated|innocent|harmless|fine|ok(?:ay)?|not it|unrelated|"
    r"(?:a )?(?:false|wrong) (?:lead|alarm|positive|track)|"
    r"(?:a )?red herring|ruled out|nothing to do with|"
    r"(?:not|isn['\u2019]?t|wasn['\u2019]?t) (?:actually |really )?"
    r"(?:to blame|guilty|responsible|at fault|related|"
    r"(?:the|a) (?:\w+ )?(?:culprit|cause|first bad commit|reason|problem|suspect))|"
    rf"{_DID_NOT} (?:cause|break|introduce|help|fix|change|resolve))\b"
)
_LINK = (
    r"(?:[\s,:;)\]\u2014-]|\([^()]*\)|\b(?:but|which|and|it|this|that|he|they|however|is|was|has|have|had|"
    r"been|turn(?:s|ed) out|proved|looks|seems|appears|later|since|then|also|actually|after all|sorry|update|"
    r"edit|probably|likely|to|be)\b)*"
)
_AFTER = re.compile(rf"^{_LINK}{_CLEAR}", re.IGNORECASE)
_NEXT = re.compile(
    rf"^\W*(?:(?:update|edit|sorry|however|but|and|later)\W+)*(?:it|this|that|which)\b{_LINK}{_CLEAR}",
    re.IGNORECASE,
)
_WRONG = re.compile(r"^\W*(?:sorry\W+)?(?:i|this|that|it) was (?:wrong|mistaken|a mistake)\b", re.IGNORECASE)
_BEFORE = re.compile(
    r"(?:\b(?:not|never)(?: (?:caused |due )?(?:by|to))?|\b(?:is|was)n['\u2019]?t(?: (?:caused )?by)?|"
    r"\b(?:rul(?:e[sd]?|ing) out|nothing to do with|unrelated to|false alarm (?:about|on|with|for))|"
    r"(?:do|does|did)n['\u2019]?t (?:think|believe) (?:that )?(?:it(?:'s| is| was)|this (?:is|was)))"
    r"\W*(?:the )?(?:(?:PR|commit)\W*)?$",
    re.IGNORECASE,
)
_THOUGHT = re.compile(
    r"\b(?:thought|assumed|believed|blamed|suspected|first|initially|originally)\b[^.;]*$", re.IGNORECASE
)
_BUT = re.compile(r"[^.;]*\b(?:but|actually|turn(?:s|ed) out)\b", re.IGNORECASE)
_STILL = re.compile(r"\b(?:still|also|as well|too|even|anyway)\b", re.IGNORECASE)
_WITHOUT = re.compile(r"\b(?:without|before|reverting)\W*(?:(?:PR|commit)\W*)?$", re.IGNORECASE)
_REVERTED = re.compile(r"\W*(?:is |being )?(?:reverted|removed|backed out|undone)\b", re.IGNORECASE)
_RED = re.compile(
    r"\b(?:fail(?:s|ed|ing)?|red|broken|breaks|crash\w*|hang\w*|reproduc\w*|happens?)\b", re.IGNORECASE
)
_NO_HELP = re.compile(r"\b(?:help|fix|change|resolve)$", re.IGNORECASE)
_UNDOING = re.compile(r"\b(?:revert(?:ing)?(?: of)?|backing out|without)\W*(?:PR\W*)?$", re.IGNORECASE)


def cleared(links: Links, named: Sequence[Sequence[Named]]) -> dict[str, int]:
    """The last line that clears each cleared change; `named` is what each line names."""
    found: dict[str, int] = {}
    last: Named | None = None
    for at, (line, inside) in enumerate(zip(links.page.lines, named, strict=True)):
        if line.code:
            continue
        for each in _in_line(line, inside, last):
            found[each.key] = at
        last = inside[-1] if inside else last
    return found


def _in_line(line: Line, named: Sequence[Named], last: Named | None) -> Iterator[Named]:
    for start, sentence in parts(line):
        inside = [each for each in named if start <= each.start < start + len(sentence)]
        if last and ((not inside and _NEXT.match(sentence)) or (start and _WRONG.match(sentence))):
            yield last
        for each in inside:
            stop = min((other.start for other in inside if other.start > each.start), default=len(line.text))
            before, behind = around(line.text, each.start, each.end, start, min(stop, start + len(sentence)))
            after, undone = _AFTER.match(behind), _UNDOING.search(before)
            if (
                (after and bool(undone) == bool(_NO_HELP.search(after[0])))
                or _BEFORE.search(before)
                or (stop < start + len(sentence) and _THOUGHT.search(before) and _BUT.match(behind))
                or _fails_without(sentence, before, behind)
            ):
                yield each
        last = inside[-1] if inside else None


def _fails_without(sentence: str, before: str, after: str) -> bool:
    """Whether it still fails without a change, or with it reverted."""
    undone = _WITHOUT.search(before) or _REVERTED.match(after)
    return bool(undone and _STILL.search(sentence) and _RED.search(sentence))
