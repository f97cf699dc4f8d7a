"""The report of a night: causes first, then red and undecided cells; passing cells are counted."""

import pytest
from sample_documents import BAD, CULPRIT, GOOD, culprit

from bisect_tool.json_document.nightly import Cause, FailureRate, NightlyCell, NightlyDocument
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.markdown import log_line
from bisect_tool.render.nightly import render_nights

CAUSE = Cause(
    fingerprint="f",
    state="new",
    cells=("test_a", "test_b"),
    good=GOOD,
    bad=BAD,
    exception="RuntimeError",
    culprit=CULPRIT,
    proven=True,
    session="s1",
    document=culprit(),
)


def cell(name, status, sentence="It passes.", **more):
    return NightlyCell(series="w", job="gpu", cell=name, status=status, reason="r", sentence=sentence, **more)


CELLS = (
    cell("test_a", CellStatus.NEW, "Its culprit is already known.", culprit=CULPRIT, since=BAD),
    cell("test_b", CellStatus.NEW, "Its culprit is already known.", culprit=CULPRIT, since=BAD),
    cell("test_c", CellStatus.UNDECIDED, "It failed once.", action="rerun 5afb387bd 2 times, not on gpu-1"),
    cell("test_d", CellStatus.FLAKY, "It passes and fails.", rate=FailureRate(failed=1, runs=30)),
    cell("test_e", CellStatus.STILL_RED, "Its culprit is already known.", culprit=GOOD, since=GOOD),
    cell("test_f", CellStatus.GREEN),
    cell(
        "test_g", CellStatus.INFRASTRUCTURE, "It fails on one agent only.", shard="2", environment="CUDA=13"
    ),
)


def night(**more):
    fields = {"version": "1", "created": "", "watch": "lb", "repo": ".", "ref": "main", "commit": BAD}
    fields |= {"observed": 9, "dry_run": False, "cells": CELLS, "causes": (CAUSE,), "exit_code": 1}
    return NightlyDocument(schema=1, **{**fields, **more})


def test_report_has_causes_first():
    subject = culprit().commits[CULPRIT].subject
    assert (
        render_nights([night()])
        == f"""\
lb at 5afb387bd, main

New: 27066d1b2  {subject}
  RuntimeError
  - test_a
  - test_b
  bisect-run report s1

Still red
  Its culprit is already known. Culprit a97954b6a, since a97954b6a.
  - gpu: test_e

Undecided
  It failed once. Rerun 5afb387bd 2 times, not on gpu-1.
  - gpu: test_c

Flaky
  It passes and fails. 1 of 30 runs failed.
  - gpu: test_d

Infrastructure
  It fails on one agent only.
  - gpu shard 2 (CUDA=13): test_g

1 of 7 cells passed"""
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"state": "fixed", "fixed_by": BAD}, "  Fixed at 5afb387bd"),
        ({"state": "fixed", "note": "Its cells are no longer run."}, "  Its cells are no longer run."),
        ({"state": "fixed", "note": "So.", "document": None}, "Closed: 27066d1b2"),
        ({"proven": False}, f"New: 27066d1b2  {culprit().commits[CULPRIT].subject} (suspect)"),
        ({"culprit": "", "candidates": (GOOD, BAD)}, "New: one of a97954b6a and 5afb387bd"),
        ({"state": "open", "document": None}, "Open: 27066d1b2"),
    ],
)
def test_report_has_the_facts_of_a_cause(change, line):
    cause = CAUSE.model_copy(update=change)
    assert line in render_nights([night(causes=(cause,))]).split("\n")


def test_missing_cells_are_listed_and_do_not_count():
    cells = (cell("test_a", CellStatus.MISSING, "It is no longer run."), cell("test_b", CellStatus.GREEN))
    lines = render_nights([night(cells=cells, causes=())]).split("\n")
    assert lines[2:] == ["Missing", "  It is no longer run.", "  - gpu: test_a", "", "1 of 1 cell passed"]


def test_report_of_many_cells_is_short():
    cells = tuple(cell(f"test_{number:02}", CellStatus.UNDECIDED) for number in range(13))
    lines = render_nights([night(cells=cells, causes=(), dry_run=True)]).split("\n")
    assert lines[0] == "lb at 5afb387bd, main (dry run)"
    assert lines[-3:] == ["  - and 3 more cells", "", "0 of 13 cells passed"]


def test_red_cells_without_a_cause_show_their_failure_chain():
    chain = culprit().failure
    log = chain.root.model_copy(update={"source": "https://ci/log", "line": 7})
    failure = chain.model_copy(update={"root": log, "cell": "test_c", "cells": ("test_c", "h"), "sha": BAD})
    lines = render_nights([night(causes=(), failures=(failure,))]).split("\n")
    start = lines.index("Why test_c and 1 more fail at 5afb387bd")
    assert lines[start + 1 : start + 1 + len(chain.chain)] == [
        f"  {log_line(event)}" for event in chain.chain
    ]
    assert lines[start + 1 + len(chain.chain) :][:2] == ["  log: https://ci/log, line 7", ""]


def test_failure_chains_are_four_at_most():
    failure = culprit().failure
    text = render_nights([night(causes=(), failures=(failure,) * 6)])
    assert text.count("\nWhy ") == 4
    assert "\nand 2 more signatures: use --json for the full list\n" in text


def test_hostile_names_are_cleaned():
    cause = CAUSE.model_copy(update={"cells": ("a\x1b[31m\nb",), "exception": "E\x07"})
    assert not {"\x1b", "\x07"} & set(render_nights([night(causes=(cause,), watch="w\x1b[0m")]))


def test_watches_are_separated_by_an_empty_line():
    text = render_nights([night(), night(watch="other")])
    assert "\n\nother at " in text
    assert "\n\n\n" not in text


def test_note_of_a_night_is_at_its_top():
    lines = render_nights([night(notes=("a file is damaged\x1b[0m",))]).split("\n")
    assert lines[:3] == ["lb at 5afb387bd, main", "a file is damaged", ""]


def test_cell_of_a_command_has_its_name_once():
    command = NightlyCell(
        series="w", job="command", cell="command", status=CellStatus.FLAKY, reason="r", sentence="It is."
    )
    assert "  - command" in render_nights([night(cells=(command,), causes=())]).split("\n")


@pytest.mark.parametrize(
    ("cells", "line"),
    [((), "no cell has a result"), ((cell("test_a", CellStatus.UNDECIDED),), "0 of 1 cell passed")],
)
def test_number_of_passing_cells_is_a_sentence(cells, line):
    assert render_nights([night(cells=cells)]).splitlines()[-1] == line
