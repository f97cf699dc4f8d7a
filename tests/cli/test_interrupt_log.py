"""Signals that a run received are logged."""

from __future__ import annotations

import logging
import os
import re
import signal

from bisect_tool.cli.interrupt import interruptible


def test_signal_is_logged_with_its_time(caplog):
    caplog.set_level(logging.WARNING, "bisect_run")
    with interruptible() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.cancel.wait(60)
    (message,) = caplog.messages
    assert re.fullmatch(r"SIGTERM at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", message)


def test_signal_while_the_main_thread_holds_the_lock_of_the_event():
    with interruptible() as interrupt:
        with interrupt.cancel._cond:  # as `wait` does
            signal.raise_signal(signal.SIGTERM)
        assert interrupt.cancel.wait(60)
