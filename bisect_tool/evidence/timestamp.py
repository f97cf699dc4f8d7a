"""Parse the time stamps of log lines into seconds, with their precision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

_ISO = re.compile(
    r'"?(?P<year>(?:\d\d)?\d\d)(?P<dash>[-/])(?P<month>\d\d)(?P=dash)(?P<day>\d\d)[T ]'
    r"(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>[.,]\d{1,9})?(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d))?\"?$"
)
_US = re.compile(
    r"(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d{4})-(?P<clock>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d{1,9})?$"
)
_MONTH_DAY = re.compile(
    r"(?P<month>\d\d)-(?P<day>\d\d) (?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>[.,]\d{1,9})?$"
)
_GLOG = re.compile(
    r"(?P<year>\d{4})?(?P<month>\d{1,2})(?P<day>\d\d) "
    r"(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>[.,]\d{1,9})?$"
)
_SYSLOG = re.compile(
    r"(?P<name>[A-Z][a-z]{2}) (?P<day>[ \d]\d) +(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>[.,]\d{1,9})?$"
)
_CTIME = re.compile(
    r"[A-Z][a-z]{2} (?P<name>[A-Z][a-z]{2}) (?P<day>[ \d]\d) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{4})$"
)
_CLOCK = re.compile(r"(?P<clock>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d{1,9})?(?P<zone>Z)?$")
_FORMS = (_ISO, _US, _MONTH_DAY, _GLOG, _SYSLOG, _CTIME, _CLOCK)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = re.compile(r"(?P<seconds>1\d{9})(?:\.(?P<fraction>\d{1,9}))?$|(?P<millis>1\d{12})$")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as a log wrote it.

    Attributes:
        time: epoch seconds; a stamp without a zone is taken as UTC.
        resolution: the smallest difference between two stamps, in seconds.
        zoned: whether the stamp has a zone.
        year: the year of the stamp; None if it has none.
    """

    time: float
    resolution: float
    zoned: bool
    year: int | None = None


def read_stamp(text: str, year: int) -> Stamp | None:
    """Parse a time stamp; None if `text` is not one. `year` is used for stamps without a year."""
    if match := _EPOCH.match(text):
        if match["millis"]:
            return _epoch(int(match["millis"]) / 1000, 0.001)
        return _epoch(float(text), 0.001 if match["fraction"] else 1.0)
    match = next((matched for form in _FORMS if (matched := form.match(text))), None)
    if match is None:
        return None
    found = match.groupdict()
    named = _four_digits(found["year"]) if found.get("year") else None
    midnight = _midnight(
        named or str(year),
        found.get("month") or found.get("name") or "1",
        found.get("day") or "1",
    )
    if midnight is None:
        return None
    hours, minutes, *seconds = map(int, found["clock"].split(":"))
    since = hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)
    digits = found.get("fraction") or ""
    fraction = float(f"0.{digits[1:]}") if digits else 0.0
    zone = found.get("zone")
    resolution = 0.001 if digits else 1.0 if seconds else 60.0
    time = midnight + since + fraction - _offset(zone)
    return Stamp(time, resolution, zoned=bool(zone), year=int(named) if named else None)


def _epoch(time: float, resolution: float) -> Stamp:
    return Stamp(time, resolution, zoned=True, year=datetime.fromtimestamp(time, UTC).year)


@lru_cache(maxsize=256)
def _midnight(year: str, month: str, day: str) -> float | None:
    """Return when a day began; None if the day does not exist."""
    try:
        return datetime(
            int(year), int(month) if month.isdigit() else _month(month), int(day), tzinfo=UTC
        ).timestamp()
    except ValueError:
        return None


def _four_digits(year: str) -> str:
    """Return a year with four digits."""
    return year if len(year) == len("2000") else f"20{year}"


def _month(name: str) -> int:
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def _offset(zone: str | None) -> float:
    """Return how many seconds a zone is ahead of UTC."""
    if zone is None or zone in ("Z", "UTC"):
        return 0.0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
