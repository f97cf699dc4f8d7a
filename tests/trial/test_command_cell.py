"""The cell of a plain command, by exit code and output."""

from dataclasses import replace

import pytest

from bisect_tool.supervise.guardian_protocol import GuardianResult, Reason
from bisect_tool.supervise.machine_load import Load
from bisect_tool.trial.command_cell import CheckAborted, command_cell
from bisect_tool.verdict import Outcome


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", "exit code 125"),
        ("building\nfatal: no compiler\n", "exit code 125: fatal: no compiler"),
        (
            "a.c:3:1: error: x undeclared\nmake: *** [a.o] Error 1\n",
            "exit code 125: error: x undeclared",
        ),
        ("cannot build this one\n", "exit code 125: cannot build this one"),
        (f"{'x' * 900}\n", f"exit code 125: {'x' * 199}…"),
    ],
)
def test_exit_code_125_is_skipped_with_the_output(tmp_path, printed, reason):
    log = tmp_path / "suite.log"
    log.write_text(printed)
    ended = GuardianResult(Reason.EXITED, 125, 0.1, 1.0)
    cell = command_cell(["./check.sh"], ended, log)
    assert (cell.outcome, cell.reason) == (Outcome.SKIPPED, reason)


def test_secrets_are_masked_in_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "hunter2hunter2")
    log = tmp_path / "suite.log"
    log.write_text("cannot log in with hunter2hunter2\n")
    cell = command_cell(["./check.sh"], GuardianResult(Reason.EXITED, 125, 0.1, 1.0), log)
    assert cell.reason == "exit code 125: cannot log in with ***"


@pytest.mark.parametrize(
    ("printed", "failed"),
    [
        ("FAILED test_a.py::test_b - assert 2 == 1\n1 failed, 3 passed in 0.01s\n", ("test_b",)),
        ("--- FAIL: TestA (0.00s)\nFAIL\n", ("TestA",)),
        ("4 passed in 0.01s\n", ()),
    ],
)
def test_passing_command_has_the_failed_tests_of_its_output(tmp_path, printed, failed):
    log = tmp_path / "suite.log"
    log.write_text(printed)
    cell = command_cell(["sh", "-c", "pytest | tee log"], GuardianResult(Reason.EXITED, 0, 0.1, 1.0), log)
    assert (cell.outcome, cell.failed_tests) == (Outcome.PASSED, failed)


@pytest.mark.parametrize("code", [-9, 137])
def test_command_that_the_oom_killer_ended_has_failed(tmp_path, code):
    log = tmp_path / "suite.log"
    log.write_text("loading\n")
    load = Load(cpus=2, load_before=0.1, load_after=0.1)
    with pytest.raises(CheckAborted, match="SIGKILL"):
        command_cell(["./check.sh"], GuardianResult(Reason.EXITED, code, 0.1, 1.0, load=load), log)
    killed = GuardianResult(Reason.EXITED, code, 0.1, 1.0, load=replace(load, oom_kills=1))
    cell = command_cell(["./check.sh"], killed, log)
    assert cell.outcome is Outcome.FAILED
    assert "SIGKILL" in cell.failure.root.headline
