"""Reports of many cells are short."""

from __future__ import annotations

import sample_documents as documents

from bisect_tool.render.bounded_tables import notes, rows
from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown


def test_few_cells_have_a_row_each():
    cells = documents.culprit().cells
    assert [(row.name, row.report, row.more) for row in rows(cells)] == [
        (name, report, 0) for name, report in cells.items()
    ]


def test_many_cells_are_limited_to_the_first_of_each_result():
    found = rows(documents.many().cells)
    assert [row.name for row in found if row.more] == ["and 240 more cells", "and 245 more cells"]
    assert [row.report.finding for row in found][-6:] == ["green"] * 6
    assert sum(row.more or 1 for row in found) == 500


def test_green_cells_come_last_and_one_is_counted_in_the_singular():
    cells = {f"g{number}": documents.green() for number in range(20)}
    cells |= {f"r{number}": documents.red() for number in range(6)}
    found = rows(cells)
    assert [row.name for row in found[:7]] == ["r0", "r1", "r2", "r3", "r4", "and 1 more cell", "g0"]


def test_equal_notes_of_cells_are_merged():
    assert notes([("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")]) == ("a, c and 1 more: x", "b: y")
    many = notes((f"cell {number}", f"note {number}") for number in range(15))
    assert (len(many), many[-1]) == (13, "and 3 more notes")


def test_report_of_500_cells_is_short(printed):
    document = documents.many()
    shown, body = printed(render_report(document), 80), markdown(document)
    assert len(shown.splitlines()) < 130
    assert len(body) < 20_000
    assert "use --json for the full list" in shown
    for text in (shown, body):
        assert text.count("test_case[") < 120


def test_likeliest_of_many_candidates_are_shown(printed):
    shas = tuple(f"{number:040x}" for number in range(300))
    cell = documents.red(finding="candidates", culprit=None, candidates=shas)
    document = documents.document(cells={"a": cell}, exit_code=3, resumable=True, failure=None)
    assert "and 275 more commits: use --json for the full list" in printed(render_report(document))
    assert "and 200 more commits" in markdown(document)


def test_failed_cells_among_many_repeated_ones_have_a_row(printed):
    """With the signatures of these failures."""
    found = documents.repro().repro
    passed = found.cells[documents.GREEN_CELLS[0]]
    cells = {
        **{f"green_{number}": passed for number in range(40)},
        "red": found.cells[documents.RED_CELLS[0]],
    }
    document = documents.repro().model_copy(update={"repro": found.model_copy(update={"cells": cells})})
    for text in (printed(render_report(document)), markdown(document)):
        assert "red" in text
        assert "green_22" in text
        assert "green_23" not in text
        assert "and 17 more cells" in text
