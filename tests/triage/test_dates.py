"""Dates in prose."""

import datetime as dt

import pytest

from bisect_tool.triage.dates import dates


@pytest.mark.parametrize(
    ("text", "day", "certainty"),
    [
        ("on 2026-03-06", (2026, 3, 6), "stated"),
        ("on 2026/4/1,", (2026, 4, 1), "stated"),
        ("March 6, 2026", (2026, 3, 6), "stated"),
        ("6 Mar 2026", (2026, 3, 6), "stated"),
        ("nightly Mar 6", (2026, 3, 6), "derived"),
        ("the 6th: Mar 6th", (2026, 3, 6), "derived"),
        ("Seen on 2/9/26", (2026, 2, 9), "guess"),
    ],
)
def test_date(text, day, certainty):
    (found,) = dates(text, 2026)
    assert (found.day, found.certainty) == (dt.date(*day), certainty)


@pytest.mark.parametrize("text", ["1/2/3", "2026-13-01", "v2026-03-061", "may 40", "build 26788", "10:16"])
def test_no_date(text):
    assert dates(text, 2026) == ()


def test_day_without_a_year_is_no_date_on_a_page_without_years():
    assert dates("Mar 6") == ()
