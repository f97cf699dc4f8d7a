"""The order of bisections: those that explain most cells at the least cost come first."""

from bisect_tool.ci_results.observation import CellKey
from bisect_tool.nightly_rules.decision import Bisect
from bisect_tool.nightly_rules.reason import Reason
from bisect_tool.nightly_run.queue import Queued, in_order


def queued(watch, cells, commits, trial_s):
    keys = tuple(CellKey(watch, "gpu", "", str(number)) for number in range(cells))
    return Queued(watch, Bisect(Reason.REGRESSION, "g", "b", keys, "", ()), commits, trial_s)


def test_more_cells_shorter_ranges_and_shorter_trials_come_first():
    usual = queued("usual", 1, 16, 60)
    cells, short, fast = queued("cells", 9, 16, 60), queued("short", 1, 2, 60), queued("fast", 1, 16, 20)
    assert [each.watch for each in in_order([usual, short, fast, cells])] == [
        "cells",
        "fast",
        "short",
        "usual",
    ]


def test_equal_ones_come_in_the_same_order_every_night():
    both = [queued("b", 1, 8, 0), queued("a", 1, 8, 0)]
    assert in_order(both) == in_order(both[::-1])
