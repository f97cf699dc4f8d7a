"""Logs whose newest line is the first, as log services export them."""

import pytest

from bisect_tool.evidence.newest_first import is_newest_first, oldest_first
from bisect_tool.log_input import files
from bisect_tool.log_input.files import LogFiles

LINES = [f"2026-01-05T10:00:{second:02}.000Z line {second}" for second in range(9, 0, -1)]


def _read(tmp_path, lines):
    path = tmp_path / "a.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    notes: list[str] = []
    logs = LogFiles([str(path)], notes.append)
    return [(line.text, logs.location(line.source, line.number)[1]) for line in logs.lines()], notes


def test_only_decreasing_times_are_newest_first():
    assert is_newest_first(LINES)


@pytest.mark.parametrize(
    "lines",
    [
        LINES[::-1],
        [*LINES[:4], LINES[0], *LINES[4:]],
        LINES[:4],
        LINES[:1] * 9,
        ["a", "b", "c", "d", "e", "f"],
        [],
    ],
    ids=["oldest first", "one goes forward", "few", "all equal", "no times", "empty"],
)
def test_other_logs_are_not_reversed(lines):
    assert not is_newest_first(lines)


def test_lines_without_a_time_stay_below_the_line_above():
    assert oldest_first(["head", LINES[0], "  more", "  and more", LINES[1]]) == [0, 4, 1, 2, 3]


def test_reversed_log_keeps_its_line_numbers(tmp_path):
    read, notes = _read(tmp_path, LINES)
    assert read == [(LINES[at - 1], at) for at in range(9, 0, -1)]
    assert notes == []


def test_very_long_log_is_not_reversed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_TURNED_LIMIT", 100)
    monkeypatch.setattr(files, "_BLOCK", 200)
    read, notes = _read(tmp_path, LINES)
    assert [number for _, number in read] == list(range(1, 10))
    assert "newest line first" in notes[0]
