"""Listings that a service truncates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.truncated_listing import windowed

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)


def entry(number, minute):
    return {"id": number, "created_at": (EPOCH + timedelta(minutes=minute)).isoformat()}


@given(st.lists(st.integers(0, 60), unique=True), st.integers(2, 9), st.booleans(), st.integers(1, 4))
def test_every_entry_is_listed_once_newest_first(minutes, limit, inclusive, size):
    """Services may include or exclude entries created at the given time."""
    entries = [entry(minute, minute) for minute in sorted(minutes, reverse=True)]

    def pages(until):
        def is_listed(each):
            created = datetime.fromisoformat(each["created_at"])
            return until is None or created < until or (inclusive and created == until)

        found = [each for each in entries if is_listed(each)][:limit]
        return [found[start : start + size] for start in range(0, len(found), size)]

    assert list(windowed(pages, limit, "id")) == entries


@pytest.mark.parametrize("created", [None, "yesterday", EPOCH.isoformat()])
def test_truncated_listing_without_times_is_an_error(created):
    entries = [{"id": number, "created_at": created} for number in range(3)]
    with pytest.raises(UnexpectedAnswer, match="a listing of 3 entries cannot be continued"):
        list(windowed(lambda _: [entries], 3, "id"))


@pytest.mark.parametrize("odd", ["text", None, 3, [], {}])
def test_entry_of_another_kind_is_passed_on(odd):
    assert list(windowed(lambda _: [[odd, entry(1, 1)]], 3, "id")) == [odd, entry(1, 1)]
