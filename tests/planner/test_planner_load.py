"""A deadline missed on a busy machine is doubtful: the commit is rerun before the failure counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from worlds import GOOD, World, failure, line, simulate

from bisect_tool.planner import Finding, Purpose, Step
from bisect_tool.planner.cell_runs import is_doubtful
from bisect_tool.supervise.machine_load import Load
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Outcome

if TYPE_CHECKING:
    from bisect_tool.trial.result import TrialResult

BUSY = Load(cpus=2, load_before=8.0, load_after=8.0, others=1.5, cpu=0.6)
QUIET = Load(cpus=2, load_before=0.1, load_after=0.1, others=0.0, cpu=0.01)
ALWAYS = 1000


@dataclass(frozen=True)
class BusyWorld(World):
    """The machine is busy during the first `busy` trials of every commit, and quiet after."""

    busy: int = ALWAYS

    def trial(self, step: Step, earlier: int) -> TrialResult:
        load = BUSY if earlier < self.busy else QUIET
        return super().trial(step, earlier).model_copy(update={"load": load})


def world(culprit: int, overrides=None, busy: int = ALWAYS, length: int = 16) -> BusyWorld:
    return BusyWorld(line(length), {"cell": f"c{culprit}"}, overrides or {}, busy=busy)


def hanging(culprit: int, length: int = 16):
    return {f"c{place}": ["hung"] for place in range(culprit, length)}


def test_missed_deadlines_at_good_commits_do_not_move_the_culprit():
    """Each good commit hangs once while the machine is busy, and passes when it is rerun."""
    streak = {f"c{place}": ["hung", "passed"] for place in range(10)} | {GOOD: ["hung", "passed"]}
    found = simulate(world(10, streak | hanging(10), busy=1)).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c10")


def test_repeated_hang_counts_on_a_busy_machine():
    busy, quiet = simulate(world(10, hanging(10))), simulate(world(10, hanging(10), busy=0))
    assert busy.of("cell").culprit == quiet.of("cell").culprit == "c10"
    assert len(quiet.trials) < len(busy.trials) <= 2 * len(quiet.trials)


def test_failure_without_a_deadline_needs_no_extra_run_on_a_busy_machine():
    busy, quiet = simulate(world(10)), simulate(world(10, busy=0))
    assert busy.steps == quiet.steps
    assert busy.of("cell").culprit == "c10"


def test_a_deadline_missed_once_at_the_bad_end_is_green_with_a_note():
    search = simulate(world(10, {"c15": ["hung", "passed"]}, busy=1))
    found = search.of("cell")
    assert found.finding is Finding.GREEN
    assert search.runs("c15", "cell", Outcome.PASSED) == 2
    assert "CPU pressure 60%" in found.note


@pytest.mark.parametrize("overrides", [["hung"], ["hung", "failed"], ["failed"]])
def test_a_bad_end_that_fails_again_is_searched(overrides):
    found = simulate(world(10, hanging(10) | {"c15": overrides})).of("cell")
    assert found.culprit == "c10"


def test_doubtful_commit_is_skipped_with_a_reason():
    """It hangs while the machine is busy, and then does not run any more."""
    overrides = hanging(10) | {"c9": ["hung", "infrastructure"], "c10": ["hung", "infrastructure"]}
    found = simulate(world(10, overrides, busy=1)).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert {sha for sha, _ in found.skipped} >= {"c9", "c10"}


def timed(seconds: float):
    """A world in which passes take one second and hangs take `seconds`."""

    @dataclass(frozen=True)
    class Timed(BusyWorld):
        def trial(self, step: Step, earlier: int) -> TrialResult:
            trial = super().trial(step, earlier)
            took = {Outcome.PASSED: 1.0, Outcome.HUNG: seconds}
            cells = (cell.model_copy(update={"seconds": took[cell.outcome]}) for cell in trial.cells)
            return trial.model_copy(update={"cells": tuple(cells)})

    return Timed(line(16), {"cell": "c10"}, hanging(10))


def test_culprit_with_only_doubtful_failures_is_suspect():
    found = simulate(timed(2.0)).of("cell")
    assert (found.finding, found.culprit) == (Finding.SUSPECT, "c10")
    assert (found.busy, "CPU pressure 60%" in found.note) == ("CPU pressure 60%", True)


def test_hang_longer_than_any_load_explains_counts():
    """It takes longer than ten times the longest pass, and a second more."""
    busy, quiet = simulate(timed(12.0)), simulate(world(10, hanging(10), busy=0))
    assert busy.of("cell").finding is Finding.CULPRIT
    assert len(busy.trials) <= len(quiet.trials) + 2


def test_flakiness_under_load_is_noted():
    """Every commit, the good end too, misses the deadline more often than not while the machine is busy."""
    overrides = {sha: ["hung", "hung", "hung", "passed", "hung"] for sha in (GOOD, *line(16))}
    found = simulate(world(15, overrides)).of("cell")
    assert found.finding in {Finding.FLAKY, Finding.ALWAYS_RED}
    assert "while the machine was busy (CPU pressure 60%)" in found.note


def test_hang_without_cpu_use_is_not_attributed_to_load():
    """A hang that used no CPU counts at once, however busy the machine was."""

    @dataclass(frozen=True)
    class Asleep(World):
        def trial(self, step: Step, earlier: int) -> TrialResult:
            return super().trial(step, earlier).model_copy(update={"load": replace(BUSY, own=0.001)})

    asleep, quiet = (
        simulate(Asleep(line(16), {"cell": "c10"}, hanging(10))),
        simulate(world(10, hanging(10), busy=0)),
    )
    assert asleep.steps == quiet.steps
    assert asleep.of("cell").finding is Finding.CULPRIT


def test_one_failure_on_a_quiet_machine_removes_the_doubt():
    found = simulate(world(10, hanging(10), busy=1)).of("cell")
    assert (found.finding, found.culprit, found.busy) == (Finding.CULPRIT, "c10", "")


@pytest.mark.parametrize(
    ("outcome", "seconds", "longest", "doubtful"),
    [
        (Outcome.FAILED, 0.2, None, False),
        (Outcome.FAILED, 0.499, None, False),
        (Outcome.FAILED, 0.5, None, True),
        (Outcome.FAILED, 3.2, None, True),
        (Outcome.HUNG, 0.2, None, True),
        (Outcome.FAILED, 10.0, 1.0, True),
        (Outcome.FAILED, 10.001, 1.0, False),
        (Outcome.FAILED, 1.05, 0.05, True),
        (Outcome.FAILED, 1.051, 0.05, False),
        (Outcome.PASSED, 3.2, None, False),
    ],
)
def test_very_short_and_very_long_failures_are_not_doubtful(outcome, seconds, longest, doubtful):
    """A failure whose message has a duration; its cell passed in `longest` seconds at most."""
    cell = CellResult(cell="cell", outcome=outcome, seconds=seconds, failure=failure("took 3 s"))
    trial = world(10).trial(Step("c12", None, Purpose.NARROW), 0).model_copy(update={"cells": (cell,)})
    assert is_doubtful(trial, cell, longest) is doubtful
