"""Failures associated with a busy machine are reported only if chance does not explain them."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.json_document.document import MachineLoad
from bisect_tool.json_document.machine_load import load_contrasts
from bisect_tool.render.console import render_report
from bisect_tool.render.machine_load import contrast_text
from bisect_tool.render.markdown import markdown

CELL, OTHER = documents.RED_CELLS[:2]


def load(busy: bool, cpu: float = 0.6) -> MachineLoad:
    measure = f"CPU pressure {100 * cpu:.0f}%" if busy else ""
    return MachineLoad(busy=measure, cpus=2, load_before=8.0, load_after=8.0, others=1.5, cpu=cpu)


def trials(*runs: tuple[str, bool], cells: tuple[str, ...] = (CELL,)):
    return tuple(
        documents.trial(documents.BAD, "narrow", dict.fromkeys(cells, outcome), load=load(busy))
        for outcome, busy in runs
    )


BEYOND_CHANCE = [("hung", True)] * 3 + [("passed", False)] * 5


def test_failures_associated_with_the_load_are_reported(printed):
    (found,) = load_contrasts(trials(*BEYOND_CHANCE))
    sentence = "3 of 3 failures and 0 of 5 passes happened while the machine was busy (CPU pressure 60%)"
    assert contrast_text(found) == sentence
    assert found.p_value == pytest.approx(1 / 56)
    document = documents.document(trials=trials(*BEYOND_CHANCE), load=(found,))
    assert sentence in " ".join(printed(render_report(document), 200).split())
    assert sentence in markdown(document)


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [("hung", True)] * 2 + [("passed", False)] * 2,  # too few runs
        [("hung", True)] * 9,  # nothing to compare with
        [("hung", True)] * 5 + [("passed", True)] * 5,  # busy all the time
        [("hung", False)] * 5 + [("passed", True)] * 5,  # the other way round
        [("hung", False)] * 5 + [("passed", False)] * 5,
        [("errored", True)] * 5 + [("passed", False)] * 5,  # no result of the tests
    ],
)
def test_difference_that_chance_explains_is_not_reported(runs):
    assert load_contrasts(trials(*runs)) == ()


def test_cells_with_the_same_figures_are_grouped():
    (found,) = load_contrasts(trials(*BEYOND_CHANCE, cells=(CELL, OTHER)))
    assert found.cells == (CELL, OTHER)


def test_trials_whose_load_is_not_known_do_not_count():
    unknown = documents.trial(documents.BAD, "narrow", {CELL: "hung"})
    (found,) = load_contrasts((*trials(*BEYOND_CHANCE), unknown))
    assert found.failures == 3


def test_the_measure_is_that_of_the_busiest_failure():
    busiest = documents.trial(documents.BAD, "narrow", {CELL: "hung"}, load=load(busy=True, cpu=0.9))
    (found,) = load_contrasts((*trials(*BEYOND_CHANCE), busiest))
    assert found.measure == "CPU pressure 90%"


def test_doubtful_culprit_is_a_suspect(printed):
    note = "it only missed deadlines there, while the machine was busy (CPU pressure 60%)"
    document = documents.document(cells={CELL: documents.red(finding="suspect", note=note)})
    shown = printed(render_report(document))
    assert shown.startswith("Suspect ")
    assert note in shown
    assert "This commit is only a suspect: " in markdown(document)
