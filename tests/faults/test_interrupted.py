"""The supervision's part of row 24: Ctrl-C once and twice, SIGTERM, SIGHUP, the terminal closed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in.py")
MARK = "STUB_MARK"
LONG_S = 60.0
CONTROL_C = b"\x03"


class Terminal:
    """The stand-in for the command line at its own terminal."""

    def __init__(self, made):
        file = made.folder / "request.json"
        file.write_text(made.without_env().to_json())
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests/faults/at_terminal.py"),
                sys.executable,
                str(STAND_IN),
                str(file),
            ],
            env={**made.env, "PYTHONPATH": str(ROOT)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def type(self, keys):
        os.write(self.master, keys)

    def close(self):
        os.close(self.master)


def gone_within(alive, made, seconds):
    began = time.monotonic()
    while left := alive(made.env[MARK]):
        if time.monotonic() - began > seconds:
            return left
        time.sleep(0.02)
    return []


@pytest.mark.parametrize("presses", [1, 2])
def test_control_c(spec, alive, ready, figure, presses):
    made = spec("tree", grace_s=1.5)
    terminal = Terminal(made)
    try:
        ready(made)
        began = time.monotonic()
        for _ in range(presses):
            terminal.type(CONTROL_C)
            time.sleep(0.3)
        assert gone_within(alive, made, LONG_S) == []
        figure(f"{presses} x Ctrl-C: 0 survivors after {time.monotonic() - began:.2f} s")
        assert terminal.process.wait(LONG_S) == -signal.SIGINT
    finally:
        terminal.process.kill()
        terminal.close()
        terminal.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_to_the_command_line(spec, alive, ready, figure, number):
    made = spec("tree")
    terminal = Terminal(made)
    try:
        ready(made)
        began = time.monotonic()
        terminal.process.send_signal(number)
        assert gone_within(alive, made, LONG_S) == []
        figure(f"{number.name}: 0 survivors after {time.monotonic() - began:.2f} s")
    finally:
        terminal.process.kill()
        terminal.close()
        terminal.process.wait()


def test_terminal_is_closed(spec, alive, ready):
    made = spec("tree")
    terminal = Terminal(made)
    try:
        try:
            ready(made)
        finally:
            terminal.close()
        assert gone_within(alive, made, LONG_S) == []
    finally:
        terminal.process.kill()
        terminal.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_to_the_guardian(guard, number):
    run = guard("signal_guardian", str(int(number)))
    assert run.result.reason == "cancelled"
    assert run.survivors == []
