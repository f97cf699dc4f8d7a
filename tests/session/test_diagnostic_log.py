"""The diagnostic log of a session, and errors that are logged because another one is raised."""

from __future__ import annotations

import logging
import re
from types import SimpleNamespace

from bisect_tool.session import runner


def test_session_logs_commands_decisions_and_the_end(project):
    good, bad = project.commits(0, 1)
    check = project.write_check()
    assert project.run("--good", good, "--bad", bad, "--", str(check)).code == 0
    (log,) = project.home.glob("state/sessions/*/bisect-run.log")
    text = log.read_text(encoding="utf-8")
    in_slot = rf"DEBUG bisect_run\.\w+ \[slot 0\] (git checkout|end {re.escape(str(check))})"
    ends = re.findall(rf"{in_slot}.*: (?:exited, )?(exit code \d), \d+\.\d{{3}} s\n", text)
    assert {("git checkout", "exit code 0"), (f"end {check}", "exit code 1")} <= set(ends)
    assert f"INFO bisect_run.session [MainThread] next trial: {bad[:9]}, bad end, all cells; " in text
    assert f"INFO bisect_run.session [MainThread] trial {bad[:9]}, bad end: failed, " in text
    assert f"concluded command: culprit, {bad[:9]}, confidence " in text
    assert text.splitlines()[-1].endswith("exit code 0")


def test_error_of_a_second_trial_is_logged(caplog):
    """The first one is raised; the others must not be lost."""
    loop = SimpleNamespace(_running={0: "step"})

    def await_end():
        loop._running.clear()
        raise OSError("the second one")

    loop._await_end = await_end
    caplog.set_level(logging.WARNING, "bisect_run")
    runner._Loop._await_all(loop)
    assert "OSError: the second one" in caplog.text
