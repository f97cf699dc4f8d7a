"""Deciding which items are removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.disk_usage.item import Item, Kind
from bisect_tool.disk_usage.plan import Limits, Reason, plan

NOW = datetime(2026, 3, 6, tzinfo=UTC)
MONTH = timedelta(days=30)


def item(name, days, size=10, kind=Kind.ENVIRONMENT, **more):
    return Item(kind, name, Path(name), size, NOW - timedelta(days=days), **more)


def removed(items, limits, total=None):
    chosen = plan(items, sum(each.size for each in items) if total is None else total, NOW, limits)
    return [(each.item.name, each.reason) for each in chosen.removals]


def test_items_older_than_the_limit_are_removed_oldest_first():
    items = [item("new", 1), item("old", 31), item("oldest", 99), item("on the day", 30)]
    assert removed(items, Limits(MONTH)) == [("oldest", Reason.AGE), ("old", Reason.AGE)]


def test_recent_items_are_kept_without_a_size_limit():
    assert removed([item("huge", 29, size=2**60)], Limits(MONTH)) == []


def test_least_recently_used_items_are_removed_until_the_home_fits():
    items = [item("c", 1), item("a", 3), item("b", 2)]
    assert removed(items, Limits(MONTH, 15)) == [("a", Reason.SIZE), ("b", Reason.SIZE)]
    assert removed(items, Limits(MONTH, 20)) == [("a", Reason.SIZE)]
    assert removed(items, Limits(MONTH, 30)) == []


def test_space_freed_by_age_counts_towards_the_size():
    items = [item("old", 31, size=50), item("young", 3)]
    assert removed(items, Limits(MONTH, 10)) == [("old", Reason.AGE)]


def test_clones_and_the_store_count_for_the_size():
    assert removed([item("a", 1)], Limits(MONTH, 100), total=101) == [("a", Reason.SIZE)]


def test_logs_are_removed_after_reproducible_items():
    items = [item("logs", 9, kind=Kind.LOGS), item("tree", 1, kind=Kind.WORKTREE), item("environment", 2)]
    names = [name for name, _ in removed(items, Limits(MONTH, 0))]
    assert names == ["environment", "tree", "logs"]


def test_logs_of_resumable_sessions_are_removed_by_age_only():
    young, old = (item(name, days, kind=Kind.LOGS, resumable=True) for name, days in (("y", 29), ("o", 31)))
    assert removed([young, old], Limits(MONTH, 0)) == [("o", Reason.AGE)]


def test_items_in_use_are_kept_and_listed_if_they_were_due():
    used = item("used", 99, in_use=True)
    busy = item("busy", 1, in_use=True)
    chosen = plan([used, busy], 20, NOW, Limits(MONTH))
    assert (chosen.removals, chosen.in_use) == ((), (used,))
    assert plan([used, busy], 20, NOW, Limits(MONTH, 5)).in_use == (used, busy)


def test_time_of_use_in_the_future_is_no_age():
    assert removed([item("ahead", -1)], Limits(timedelta(0))) == []


@given(
    st.lists(
        st.builds(
            item,
            st.uuids().map(str),
            st.integers(0, 60),
            st.integers(0, 100),
            st.sampled_from(Kind),
            in_use=st.booleans(),
            resumable=st.booleans(),
        )
    ),
    st.one_of(st.none(), st.integers(0, 1000)),
)
def test_a_plan_fits_or_has_nothing_more_to_remove(items, size):
    chosen = plan(items, sum(each.size for each in items), NOW, Limits(MONTH, size))
    gone = [each.item for each in chosen.removals]
    assert len(gone) == len(set(gone))
    assert not any(each.in_use for each in gone)
    left = [each for each in items if each not in gone]
    assert not any(NOW - each.last_used > MONTH and not each.in_use for each in left)
    if size is not None and sum(each.size for each in left) > size:
        assert all(each.in_use or each.resumable for each in left)


@pytest.mark.parametrize("size", [0, 5, 19])
def test_no_more_is_removed_than_needed(size):
    items = [item(str(number), number) for number in range(1, 5)]
    gone = removed(items, Limits(MONTH, size))
    assert 40 - 10 * len(gone) <= size < 40 - 10 * (len(gone) - 1)
