"""The conclusion, exit code and table of `repro`, from given trial results."""

from __future__ import annotations

import io

import pytest
import sample_documents as documents
from rich.console import Console

from bisect_tool.errors import ExitCode
from bisect_tool.evidence import Event, Failure, ProcessTimeline, Signature
from bisect_tool.json_document.repro import conclude_repro, first_failure, reproduction
from bisect_tool.mode import Repro
from bisect_tool.planner import Purpose, State, Step
from bisect_tool.render.markdown import markdown
from bisect_tool.render.repro import render_rates
from bisect_tool.trial.result import CellResult, TrialResult
from bisect_tool.verdict import Outcome

TESTED, COMPARED = "a" * 40, "b" * 40
OVER = State(None, (), (), 0, over=True)


def failure(message):
    event = Event(time=1.0, source="suite", role="Test", kind="test", severity="error", message=message)
    return Failure(
        root=event,
        chain=(event,),
        signature=Signature(role="Test", exception="", message=message),
        excerpt="",
    )


def trial(outcome, *, sha=TESTED, cell="test_it", message="it broke", seconds=1.0, reason="odd"):
    found = failure(message) if outcome is Outcome.FAILED else None
    result = CellResult(cell=cell, outcome=outcome, seconds=seconds, failure=found, reason=reason)
    return TrialResult(sha=sha, cells=(result,), outcome=outcome, started="", seconds=seconds)


def of(*trials, against=None):
    return reproduction(Repro(runs=3, against=against), TESTED, trials)


def shown(found, width=100):
    output = io.StringIO()
    Console(file=output, width=width, markup=False, highlight=False).print(render_rates(found))
    return output.getvalue()


PASS, FAIL = Outcome.PASSED, Outcome.FAILED


@pytest.mark.parametrize(
    ("trials", "code", "sentence"),
    [
        ((trial(PASS),), ExitCode.DONE, "not reproduced: nothing failed in 1 run"),
        ((trial(FAIL), trial(PASS)), ExitCode.REGRESSION, "reproduced: test_it failed in 1 of 2 runs"),
        (
            (trial(FAIL), trial(FAIL, cell="other"), trial(FAIL, cell="other")),
            ExitCode.REGRESSION,
            "reproduced: other failed in 2 of 2 runs, and 1 more cell failed",
        ),
        ((trial(Outcome.SKIPPED),), ExitCode.INCONCLUSIVE, "no run gave a result: odd"),
        ((trial(Outcome.UNBUILDABLE),), ExitCode.INCONCLUSIVE, "no run gave a result: odd"),
        ((trial(Outcome.INFRASTRUCTURE),), ExitCode.ENVIRONMENT, "no run gave a result: odd"),
        ((), ExitCode.INCONCLUSIVE, "no run gave a result: no cell ran"),
    ],
)
def test_conclusion_and_exit_code(trials, code, sentence):
    assert conclude_repro(of(*trials), OVER, trials) == (code, sentence)


def test_unfinished():
    state = State(Step(TESTED, None, Purpose.REPEAT), (), (), 2)
    found = conclude_repro(of(trial(FAIL)), state, [trial(FAIL)])
    assert found == (ExitCode.INTERRUPTED, "not finished: 2 runs left")


def test_evidence_is_of_the_commit_and_the_cell_with_most_failures():
    trials = [
        trial(FAIL, sha=COMPARED, cell="other", message="elsewhere"),
        trial(FAIL, message="once"),
        trial(FAIL, cell="other", message="first"),
        trial(FAIL, cell="other", message="second"),
    ]
    cell, sha, found = first_failure(of(*trials, against=COMPARED), TESTED, trials)
    assert (cell, sha, found.root.message) == ("other", TESTED, "first")
    assert first_failure(of(trial(PASS)), TESTED, [trial(PASS)]) is None


def test_the_time_to_failure_is_that_of_failing_runs():
    trials = [trial(FAIL, seconds=seconds) for seconds in (9.0, 1.0, 2.0)] + [trial(PASS, seconds=100.0)]
    spread = of(*trials).cells["test_it"].rate.seconds_to_failure
    assert (spread.median, spread.min, spread.max) == (2.0, 1.0, 9.0)
    assert "2.0 s (1.0 s to 9.0 s)" in shown(of(*trials))


def test_most_frequent_signatures_are_shown():
    trials = [trial(FAIL, message=f"number {number}") for number in range(12)] + [
        trial(FAIL, message="often")
    ] * 2
    lines = shown(of(*trials)).splitlines()
    assert next(line for line in lines if " x " in line) == "test_it: 2 x Test: often"
    assert lines[-1] == "test_it: and 3 more signatures"


def test_cells_without_a_result_are_counted_by_reason():
    skips = [trial(Outcome.SKIPPED, cell=name, reason="no --headless") for name in ("a", "b")]
    other = trial(Outcome.SKIPPED, cell="c", reason="no GPU")
    once = trial(Outcome.SKIPPED, reason="no GPU")  # not reported, because another run passed
    found = of(*skips, *skips, other, once, trial(PASS))
    notes = [line for line in shown(found).splitlines() if line.startswith("no result")]
    assert notes == ["no result for 2 cells: no --headless", "no result for 1 cell: no GPU"]
    document = documents.repro().model_copy(update={"repro": found})
    expected = "\nNo result for 2 cells: no `--headless`.\n\nNo result for 1 cell: no GPU.\n"
    assert expected in markdown(document)


def test_cells_without_a_result_are_reported_by_commit():
    trials = [trial(Outcome.SKIPPED, sha=COMPARED, reason="no flag"), trial(PASS)]
    assert f"no result for 1 cell at {COMPARED[:9]}: no flag" in shown(of(*trials, against=COMPARED))


def under_delay(roles, *processes):
    seen = [ProcessTimeline(role=role, pid=number) for number, role in enumerate(processes)]
    trials = (trial(PASS).model_copy(update={"timeline": tuple(seen)}),)
    found = reproduction(Repro(runs=1, stress="delay", stress_roles=roles), TESTED, trials)
    return found, conclude_repro(found, OVER, trials)[1]


def test_stress_role_of_no_process_is_reported():
    processes = ("Launcher", "EngineCore_DP1", "EngineCore_DP0", "Worker_DP0_TP1", "")
    found, conclusion = under_delay(("EngineCore", "DPCordinator"), *processes)
    assert found.stress_roles == ("EngineCore", "DPCordinator")
    assert conclusion.endswith("in 1 run under --stress=delay for EngineCore and DPCordinator")
    note = "no process has the role DPCordinator; roles seen: EngineCore and Worker"
    assert shown(found).splitlines()[-1] == note
    assert f"Stress: {note}." in markdown(documents.repro().model_copy(update={"repro": found}))


@pytest.mark.parametrize(
    ("roles", "processes"),
    [(("EngineCore",), ("EngineCore_DP0",)), ((), ("EngineCore",)), (("EngineCore",), ())],
)
def test_stress_roles_that_exist_or_are_unknown_have_no_note(roles, processes):
    assert under_delay(roles, *processes)[0].stress_note == ""


def test_hostile_texts_are_harmless():
    text = shown(of(trial(FAIL, cell="it\x1b[2J\u202e", message="[red]oh\x1b]0;x\x07\rno")))
    assert not any(mark in text for mark in "\x1b\x07\r\u202e")
    assert "[red]oh" in text
