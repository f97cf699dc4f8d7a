"""GPUs are held machine-wide while a session runs; a waiting run names the holder."""

from __future__ import annotations

import os
import threading
from uuid import uuid4

import pytest

from bisect_tool.supervise.held_gpus import WaitCancelled, hold_gpus

LIMIT_S = 60.0


@pytest.fixture
def gpu():
    """The name of a GPU that does not exist."""
    return f"GPU-{uuid4()}"


class Waiter:
    """A second run that wants a GPU, in a thread."""

    def __init__(self, *names):
        self.messages, self.got, self.cancel, self.cancelled = [], threading.Event(), threading.Event(), False
        self.waiting = threading.Event()
        self._names = names
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _record(self, sentence):
        self.messages.append(sentence)
        self.waiting.set()

    def _run(self):
        try:
            with hold_gpus(self._names, self._record, self.cancel):
                self.got.set()
        except WaitCancelled:
            self.cancelled = True


def unexpected(sentence):
    raise AssertionError(sentence)


def test_second_run_waits_and_names_the_holder_at_once(gpu):
    with hold_gpus([gpu], unexpected, threading.Event()):
        other = Waiter(gpu)
        assert other.waiting.wait(LIMIT_S)
        assert not other.got.is_set()
    assert other.got.wait(LIMIT_S)
    other.thread.join(LIMIT_S)
    (sentence,) = other.messages
    assert sentence.startswith(f"waiting for GPU {gpu}, held by another run (pid {os.getpid()}, since ")


def test_interrupted_run_stops_waiting(gpu):
    with hold_gpus([gpu], unexpected, threading.Event()):
        other = Waiter(gpu)
        assert other.waiting.wait(LIMIT_S)
        other.cancel.set()
        other.thread.join(LIMIT_S)
        assert other.cancelled
        assert not other.got.is_set()


def test_other_gpus_are_not_waited_for(gpu):
    never = threading.Event()
    with hold_gpus([gpu], unexpected, never), hold_gpus([f"{gpu}x"], unexpected, never):
        pass
    with hold_gpus([gpu], unexpected, never):
        pass


def test_gpu_named_twice_is_held_once(gpu):
    """Otherwise the run would wait for itself."""
    cancelled = threading.Event()
    cancelled.set()
    with hold_gpus([gpu, gpu], unexpected, cancelled):
        pass
