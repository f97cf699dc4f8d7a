"""The page of a night's cost: its figures are the command's output, and its plot shows its figures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.night_cost import page, plot, rows, windows
from benchmarks.night_cost.windows import Night
from benchmarks.search.problem import Noise
from bisect_tool.expected_cost import Interval

PAGE = Path(__file__).parents[2] / "docs" / "night-cost.md"
ALWAYS, FLAKY = rows.NOISES
NIGHTS = windows.read()


FIGURES = page.parse(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("noise", rows.NOISES, ids=str)
@pytest.mark.parametrize("tool", rows.JUDGES)
def test_figures_of_git_match_the_command(noise, tool):
    assert rows.peer(NIGHTS, noise, tool) in FIGURES[noise]


@pytest.mark.parametrize(("noise", "slots"), [(ALWAYS, 1), (ALWAYS, 8), (FLAKY, 4)])
def test_figures_of_bisect_run_match_the_command(noise, slots):
    assert rows.ours(NIGHTS, noise, slots) in FIGURES[noise]


def test_every_tool_and_number_of_slots_has_a_row():
    expected = [*((tool, 1) for tool in rows.JUDGES), *((rows.OURS, slots) for slots in rows.SLOTS)]
    for found in FIGURES.values():
        assert [(row.tool, row.slots) for row in found] == expected


def test_tables_of_the_page_match_its_figures():
    assert page.tables_of(PAGE.read_text(encoding="utf-8")) == page.tables(FIGURES)


def test_plot_matches_the_figures():
    assert PAGE.with_suffix(".svg").read_text(encoding="utf-8") == plot.draw(FIGURES)


def test_recorded_nights_match_the_benchmarks():
    assert len(NIGHTS) == 60
    sizes = [night.candidates for night in NIGHTS]
    assert (min(sizes), max(sizes)) == (5, 68)
    assert all(1 <= night.culprit <= night.candidates for night in NIGHTS)


def test_nights_are_recorded_from_a_history(tmp_path):
    commits = [
        {
            "sha": f"c{number}",
            "parents": [f"c{number - 1}"] if number else [],
            "time": number,
            "files": ["a.py"],
        }
        for number in range(9)
    ]
    history, cases = tmp_path / "history.jsonl", tmp_path / "cases.json"
    history.write_text("".join(f"{json.dumps(commit)}\n" for commit in commits))
    cases.write_text(json.dumps([{"good": "c2", "bad": "c7", "culprit": "c4"}]))
    found = windows.record(history, cases)
    assert [(night.culprit, night.candidates) for night in found] == [(2, 5)]
    windows.write(found, tmp_path / "nights.json")
    assert windows.read(tmp_path / "nights.json") == found
    known = found[0].known_range
    assert (known.culprit, known.bad, len(known.dag.candidates)) == ("c2", "c5", 5)


def test_tables_replace_older_ones():
    text = f"a\n{page.BEGIN}\nold\n{page.END}\nb\n"
    assert page.tables_of(page.with_tables(text, "new")) == "new"
    assert page.with_tables(text, "new").startswith("a\n")
    with pytest.raises(ValueError, match="lacks"):
        page.with_tables("a", "new")


def test_plot_of_any_figures():
    def row(tool, slots, hours):
        spread = Interval(hours, hours / 2, hours * 2)
        return rows.Row(tool, slots, 0.5, 9.0, spread, spread)

    found = [row(tool, 1, 2.0) for tool in rows.JUDGES] + [row(rows.OURS, n, 8.0 / n) for n in rows.SLOTS]
    drawn = ET.fromstring(plot.draw({Noise(0.5, 0): found}))  # noqa: S314 - our own
    assert drawn.get("viewBox") is not None


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(1.0, 1.0, [1.0, 2.0]), (0.3, 2.5, [0.2, 0.5, 1.0, 2.0, 5.0]), (9.0, 11.0, [5.0, 10.0, 20.0])],
)
def test_ticks_enclose_the_values(low, high, ticks):
    assert plot._ticks(low, high) == pytest.approx(ticks)


def test_more_slots_are_no_slower_and_a_night_is_searched_with_its_weights():
    few, many = (rows.ours(NIGHTS[:6], ALWAYS, slots) for slots in (1, 8))
    assert few.right == many.right == 1.0
    assert many.wall.mean < few.wall.mean
    assert Night(1, (5.0, 1.0)).known_range.weights == {"c1": 5.0, "c2": 1.0}
