"""A signal that another thread receives is handled while the main thread waits for an event."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from bisect_tool.executor.event import Noted
from bisect_tool.executor.event_queue import EventQueue

WAITING = 50


@pytest.fixture
def events():
    return EventQueue()


@pytest.fixture
def handled(events):
    """The handler of SIGUSR1 puts an event into the queue."""
    event = Noted("SIGUSR1")
    before = signal.signal(signal.SIGUSR1, lambda *_: events.put(event))
    yield event
    signal.signal(signal.SIGUSR1, before)


def receive_once_it_waits(main, over):
    """Send SIGUSR1 to this thread when the main thread has been asleep for a while."""
    stat = Path(f"/proc/self/task/{main.native_id}/stat")
    asleep = 0
    while asleep < WAITING and not over.is_set():
        asleep = asleep + 1 if stat.read_text().rpartition(")")[2].split()[0] == "S" else 0
    if not over.is_set():  # otherwise the signal is unhandled and ends the tests
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)


@pytest.mark.timeout(60)
def test_take_another_thread_receives_a_signal_handles_it(events, handled):
    over = threading.Event()
    thread = threading.Thread(target=receive_once_it_waits, args=(threading.main_thread(), over))
    thread.start()
    try:
        assert events.take() == handled
    finally:
        over.set()
        thread.join()
