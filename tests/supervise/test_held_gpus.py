"""GPUs are held machine-wide while a session runs, and who waits is told for whom."""

from __future__ import annotations

import os
import threading
from uuid import uuid4

import pytest

from bisect_tool.supervise.held_gpus import WaitCancelled, hold_gpus

LIMIT_S = 60.0


@pytest.fixture
def gpu():
    """The name of a GPU that no machine has."""
    return f"GPU-{uuid4()}"


class Waiter:
    """A second run that wants a GPU, in a thread."""

    def __init__(self, *names):
        self.said, self.got, self.cancel, self.cancelled = [], threading.Event(), threading.Event(), False
        self.heard = threading.Event()
        self._names = names
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _say(self, sentence):
        self.said.append(sentence)
        self.heard.set()

    def _run(self):
        try:
            with hold_gpus(self._names, self._say, self.cancel):
                self.got.set()
        except WaitCancelled:
            self.cancelled = True


def unexpected(sentence):
    raise AssertionError(sentence)


def test_a_second_run_waits_and_says_at_once_for_whom(gpu):
    with hold_gpus([gpu], unexpected, threading.Event()):
        other = Waiter(gpu)
        assert other.heard.wait(LIMIT_S)
        assert not other.got.is_set()
    assert other.got.wait(LIMIT_S)
    other.thread.join(LIMIT_S)
    (sentence,) = other.said
    assert sentence.startswith(f"waiting for GPU {gpu}, held by another run (pid {os.getpid()}, since ")


def test_who_is_interrupted_waits_no_longer(gpu):
    with hold_gpus([gpu], unexpected, threading.Event()):
        other = Waiter(gpu)
        assert other.heard.wait(LIMIT_S)
        other.cancel.set()
        other.thread.join(LIMIT_S)
        assert other.cancelled
        assert not other.got.is_set()


def test_other_gpus_are_nobodys_business(gpu):
    nobody = threading.Event()
    with hold_gpus([gpu], unexpected, nobody), hold_gpus([f"{gpu}x"], unexpected, nobody):
        pass
    with hold_gpus([gpu], unexpected, nobody):
        pass


def test_a_gpu_that_is_named_twice_is_held_once(gpu):
    """Else the run would wait for itself."""
    cancelled = threading.Event()
    cancelled.set()
    with hold_gpus([gpu, gpu], unexpected, cancelled):
        pass
