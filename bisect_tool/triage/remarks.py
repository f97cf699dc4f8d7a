"""What else a page says that bears on a bisection: flaky, reproducible, passes again. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.triage.facts import Fact
from bisect_tool.triage.sentences import certainty, sentences, source

if TYPE_CHECKING:
    from bisect_tool.triage.links import Links

_NOTES = (
    ("flaky", "its checkbox on the page is checked", re.compile(r"\[x\] flaky test\b", re.IGNORECASE)),
    (
        "reproducible locally",
        "its checkbox on the page is checked",
        re.compile(r"\[x\] can reproduce locally\b", re.IGNORECASE),
    ),
    (
        "external cause",
        "its checkbox on the page is checked",
        re.compile(r"\[x\] caused by external libraries\b", re.IGNORECASE),
    ),
    (
        "flaky",
        "a sentence on the page says that it is flaky",
        re.compile(
            r"\b(?:is|are|was|seems?) (?:very |quite )?flaky\b|\bfails? intermittently\b", re.IGNORECASE
        ),
    ),
    (
        "passes again",
        "a sentence on the page says that it passes again",
        re.compile(
            r"\b(?:passing|passes|green) again\b|\bpassed on (?:the )?latest\b|"
            r"\bno longer (?:fail\w*|reproduc\w*|occur\w*)\b|"
            r"\b(?:is|it'?s|been|now) (?:now )?fixed (?:on|in) (?:main|master|trunk)\b|"
            r"\bnot reproduced again\b",
            re.IGNORECASE,
        ),
    ),
)


def find_notes(links: Links) -> tuple[Fact, ...]:
    """The remarks of a page: a box that is ticked, or a sentence."""
    found: dict[str, Fact] = {}
    for line in links.page.lines:
        if line.code or line.pull is not None:
            continue
        for value, reason, pattern in _NOTES:
            for sentence in sentences(line):
                if pattern.search(sentence):
                    fact = Fact(
                        value=value,
                        certainty=certainty(sentence),
                        reason=reason,
                        source=source(line, sentence),
                    )
                    found.setdefault(value, fact)
    return tuple(found.values())
