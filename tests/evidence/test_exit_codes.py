"""How processes ended, read from text about them."""

import pytest

from bisect_tool.evidence import Event, SuiteFailure, explain, signature_of
from bisect_tool.evidence.exit_codes import exit_in


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("Server exited unexpectedly: rank 0, exit status -9, last line: ok", "SIGKILL"),
        ("Process Worker_0 (PID: 4872) died with exit code 1", "exit code 1"),
        ("worker failed (exitcode: -7) local_rank: 3 (pid: 77)", "SIGBUS"),
        ("Process 771 exits with return code = -11", "SIGSEGV"),
        ("container exited with 137", "exit code 137 (SIGKILL)"),
        ("died with <Signals.SIGABRT: 6>.", "SIGABRT"),
        ("Command was killed by signal 15", "SIGTERM"),
        ("returned non-zero exit status 2.", "exit code 2"),
        ("page 3 of 9 is torn", ""),
    ],
)
def test_exit_in(text, ended):
    assert exit_in(text) == ended


def end(text):
    event = Event(time=1.0, source="0", role="Launcher", kind="exit", severity="error", message=text)
    return signature_of(event)


def test_different_exit_codes_without_other_text_are_two_failures():
    one, other = (end(f"Process Worker_{n} (PID: {n}77) died with exit code {n}") for n in (1, 2))
    assert (one.exit, other.exit) == ("exit code 1", "exit code 2")
    assert end("Process Worker_3 (PID: 5) died with exit code 1") == one


def test_servers_with_different_exits_are_two_failures():
    def seen(status):
        message = f"Server exited unexpectedly: rank 0, exit status {status}, last line: step {status}00 done"
        failure = SuiteFailure(phase="setup", exception="ServersFailed", message=message, time=1.0)
        return explain((), failure, {}).signature

    assert seen(-9) != seen(1)
    assert "exit status -9" in seen(-9).message
