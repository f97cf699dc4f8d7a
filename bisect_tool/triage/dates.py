"""Find dates in text, as people write them. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import Certainty

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_ISO = re.compile(r"(?<![\w-])(?P<year>20\d\d)[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?![\d-])")
_NAMED = re.compile(rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>20\d\d)\b)?")
_NAMED_BACK = re.compile(rf"\b(?P<day>\d{{1,2}}) {_MONTH}(?: (?P<year>20\d\d)\b)?")
_SLASHED = re.compile(r"(?<![\w/.])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>20\d\d|\d\d)(?![\w/])")


@dataclass(frozen=True)
class Date:
    """A day; `text` is how it is written, `certainty` is less where the year or the order is not."""

    day: dt.date
    text: str
    start: int
    certainty: Certainty


@lru_cache(maxsize=4096)
def dates(text: str, year: int | None = None) -> tuple[Date, ...]:
    """The days that a line names; `year` is that of the page, for days without one."""
    found: dict[int, Date] = {}
    for each in _all(text, year):
        found.setdefault(each.start, each)
    return tuple(sorted(found.values(), key=lambda each: each.start))


def _all(text: str, year: int | None) -> Iterator[Date]:
    for match in _ISO.finditer(text):
        yield from _date(match, int(match["year"]), int(match["month"]), "stated")
    for pattern in (_NAMED, _NAMED_BACK):
        for match in pattern.finditer(text):
            month = _MONTHS.index(match["month"][:3].lower()) + 1
            if match["year"]:
                yield from _date(match, int(match["year"]), month, "stated")
            elif year is not None:
                yield from _date(match, year, month, "derived")
    for match in _SLASHED.finditer(text):  # by the habit of the United States
        written = int(match["year"])
        yield from _date(match, written if written > 99 else 2000 + written, int(match["month"]), "guess")


def _date(match: re.Match[str], year: int, month: int, certainty: Certainty) -> Iterator[Date]:
    try:
        yield Date(dt.date(year, month, int(match["day"])), match[0], match.start(), certainty)
    except ValueError:
        return
