"""The probabilities of the culprits of open cells, as text."""

from __future__ import annotations

import pytest
from rich.console import Group

from bisect_tool.planner import Belief
from bisect_tool.terminal.beliefs import belief_line, percent, render_beliefs

SUSPECTS = (("27066d1b2" + "0" * 31, 0.81), ("a1ffa56a1" + "0" * 31, 0.12), ("0123456789", 0.03))


def belief(cell, *top, flaky=0.02):
    return Belief(f"test_external_lb_{cell}", top or SUSPECTS, flaky, top[0][1] if top else 0.81)


def test_a_bar_and_the_likeliest_commits(printed):
    beliefs = (belief("teardown[1]", ("b" * 40, 0.5), flaky=0.5), belief("completion[4]"))
    assert printed(Group(*render_beliefs(beliefs)), 110) == (
        "  teardown[1]    ████████████░░░░░░░░░░░░  bbbbbbbbb 50%  | flaky 50%\n"
        "  completion[4]  ███████████████████▓▓▓▒·  "
        "27066d1b2 81%  a1ffa56a1 12%  | flaky 2%\n"
    )


def test_cells_with_equal_beliefs_are_one_line(printed):
    beliefs = tuple(belief(f"teardown[{number}]") for number in range(5))
    lines = printed(Group(*render_beliefs(beliefs)), 110).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("  teardown[0] and 4 more  █")


def test_cells_that_do_not_fit_are_counted(printed):
    beliefs = tuple(belief(f"cell[{number}]", ("b" * 40, number / 10)) for number in range(7))
    lines = printed(Group(*render_beliefs(beliefs)), 110).splitlines()
    assert len(lines) == 5
    assert lines[-1] == "  and 3 cells more"


def test_one_plain_line():
    beliefs = (belief("teardown[4]"), belief("teardown[1]", ("b" * 40, 0.4), flaky=0.001))
    assert belief_line(beliefs) == (
        "teardown[4]: 27066d1b2 81%, a1ffa56a1 12%, flaky 2%; teardown[1]: bbbbbbbbb 40%, flaky <1%"
    )


def test_unlikely_commits_are_not_named():
    many = belief("teardown[4]", ("b" * 40, 0.04), ("c" * 40, 0.03))
    assert belief_line((many,)).endswith("no commit above 4%, flaky 2%")


def test_name_of_a_single_cell_is_not_shortened():
    assert belief_line((belief("teardown[4]"),)).startswith("external_lb_teardown[4]: ")
    assert belief_line((Belief("command", SUSPECTS, 0.0, 0.81),)).startswith("command: ")


def test_parameters_are_not_shortened():
    beliefs = tuple(Belief(f"test_load[a_{name}]", ((name * 40, 0.5),), 0.1, 0.5) for name in "ab")
    assert belief_line(beliefs).startswith("load[a_a]: ")


def test_a_hostile_name_cannot_move_the_cursor():
    assert "\x1b" not in belief_line((Belief("test_\x1b[2J\n", SUSPECTS, 0.0, 0.81),))


@pytest.mark.parametrize("flaky", [0.0, 0.02, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("first", [0.0, 0.01, 0.49, 0.98, 1.0])
def test_every_bar_has_the_same_length(printed, first, flaky):
    (line,) = render_beliefs((belief("cell", ("b" * 40, first), ("c" * 40, 0.02), flaky=flaky),))
    bar = line.plain.split("  ")[2]
    assert len(bar) == 24


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "<1%"), (0.004, "<1%"), (0.01, "1%"), (0.814, "81%"), (0.99, "99%"), (1.0, ">99%")],
)
def test_percent(probability, text):
    assert percent(probability) == text
