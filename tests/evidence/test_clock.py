"""Times of lines, by their time stamps and those of the lines around them."""

from __future__ import annotations

from bisect_tool.evidence import LogLine, read_events


def times(*texts):
    """Seconds of the events, from the first one's minute on."""
    lines = [LogLine("log", 0.0, text, number) for number, text in enumerate(texts, 1)]
    return [round(event.time % 60, 3) for event in read_events(lines)]


def test_line_without_a_stamp_has_the_latest_time_before_it():
    assert times("2026-01-01 00:00:09 a", "2026-01-01 00:00:02 late", "ValueError: x") == [9.0]


def test_clock_set_back_is_followed_after_a_while():
    back = [f"2026-01-01 00:00:{second:02} a" for second in range(1, 12)]
    assert times("2026-01-01 00:00:50 a", *back, "ValueError: x") == [11.0]


def test_stamp_may_end_with_a_tab():
    assert times("2026-01-01 00:00:09,101\tINFO worker.py:1621 -- Started", "ValueError: x") == [9.101]


def test_time_is_that_of_the_last_stamped_line():
    assert times("2026-01-01 00:00:09 a", "Loading: 50%", "Loading: 100%", "ValueError: x") == [9.0]
