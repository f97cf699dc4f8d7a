"""The diagnostic log on stderr, with a live display and without."""

from __future__ import annotations

import io
import logging
import threading

import pytest
from rich.console import Console
from rich.live import Live

from bisect_tool.diagnostics import LOGGER, recording, set_level
from bisect_tool.terminal import writer
from bisect_tool.terminal.verbose_log import StderrHandler, be_verbose

log = logging.getLogger("bisect_run.test")


@pytest.fixture
def stderr(monkeypatch):
    """The console for stderr, a terminal of 40 columns."""
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    monkeypatch.setattr(writer, "stderr", lambda: console)
    with recording():
        set_level({})
        yield console


def test_record_is_one_unbroken_line(stderr):
    be_verbose()
    log.debug("word " * 20)
    assert stderr.file.getvalue().count("\n") == 1
    assert "bisect_run.test [MainThread] word word" in stderr.file.getvalue()


def test_one_logger_can_be_left_out(stderr):
    be_verbose(without="bisect_run.test")
    log.error("logged elsewhere")
    logging.getLogger("bisect_run.other").error("logged here")
    assert "elsewhere" not in stderr.file.getvalue()
    assert "logged here" in stderr.file.getvalue()


def test_record_is_printed_above_the_live_display(stderr):
    be_verbose()
    with Live("the display", console=stderr, auto_refresh=False) as live:
        live.refresh()
        other = threading.Thread(target=log.info, args=("a record",), name="slot 0")
        other.start()
        other.join(60)
        after = stderr.file.getvalue().partition("[slot 0] a record")[2]
    assert "the display" in after


def test_thread_that_draws_the_display_may_log(stderr):
    """It has the console's lock: one that waits for it must not have a lock that logging needs."""
    handler = StderrHandler()
    LOGGER.addHandler(handler)
    handler.acquire()
    other = threading.Thread(target=log.info, args=("from another thread",))
    other.start()
    other.join(60)
    handler.release()
    assert not other.is_alive()
    assert "from another thread" in stderr.file.getvalue()
