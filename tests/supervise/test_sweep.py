from __future__ import annotations

import signal

import pytest

from bisect_tool.supervise import process_set as module
from bisect_tool.supervise import throttle
from bisect_tool.supervise.process_set import sweep
from bisect_tool.supervise.processes import Process


class FakeClock:
    """Time passes only during waits."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


class FakeProcesses:
    """Processes by pid, each with the signal that ends it (None: no signal does)."""

    def __init__(self, **ended_by):
        self.ended_by = {int(pid[1:]): number for pid, number in ended_by.items()}
        self.sent = []

    def alive(self):
        return [Process(pid, 1, pid, "S") for pid in self.ended_by]

    def empty(self):
        return not self.ended_by

    def send(self, identity, *signals):
        pid = identity[0]
        self.sent.append((pid, *signals))
        if self.ended_by[pid] in signals:
            del self.ended_by[pid]
        return True


@pytest.fixture
def run(monkeypatch):
    clock = FakeClock()

    def start(running, grace=3.0, ends=None):
        monkeypatch.setattr(module, "send", running.send)
        monkeypatch.setattr(module.time, "monotonic", clock.monotonic)
        last_signals = sweep(running, ends or (lambda: 100.0 + grace), clock.pause)
        return last_signals, clock.now - 100.0

    return start


def test_no_processes(run):
    assert run(FakeProcesses()) == ({}, 0.0)


def test_processes_that_end_get_no_sigkill(run):
    running = FakeProcesses(p1=signal.SIGTERM, p2=signal.SIGTERM)
    last_signals, took = run(running)
    assert last_signals == {(1, 1): "SIGTERM", (2, 2): "SIGTERM"}
    assert took < 0.1


def test_sigterm_is_sent_once_and_continues_stopped_processes(run):
    running = FakeProcesses(p1=signal.SIGKILL)
    last_signals, took = run(running)
    assert running.sent == [(1, signal.SIGTERM, signal.SIGCONT), (1, signal.SIGKILL)]
    assert last_signals == {(1, 1): "SIGKILL"}
    assert 3 <= took < 3.1


def test_grace_may_end_early(run):
    running = FakeProcesses(p1=signal.SIGKILL)
    _, took = run(running, ends=lambda: 103.0 if len(running.sent) == 0 else 100.5)
    assert 0.5 <= took < 0.6


def test_process_that_no_signal_ends_is_abandoned(run):
    last_signals, took = run(FakeProcesses(p1=None))
    assert last_signals == {(1, 1): "SIGKILL"}
    assert took == pytest.approx(3.0 + module.KILL_LIMIT_S, abs=0.1)


def test_process_started_meanwhile_gets_the_signal(run):
    running = FakeProcesses(p1=signal.SIGTERM)
    new = iter([7])
    plain = running.send

    def send(identity, *signals):
        if pid := next(new, None):
            running.ended_by[pid] = signal.SIGTERM
        return plain(identity, *signals)

    running.send = send
    assert run(running)[0] == {(1, 1): "SIGTERM", (7, 7): "SIGTERM"}


@pytest.mark.parametrize(("cost", "rest"), [(0.0, 0.5), (0.01, 0.5), (0.2, 2.0)])
def test_throttle_pauses_after_an_expensive_scan(monkeypatch, cost, rest):
    clock = FakeClock()
    monkeypatch.setattr(throttle.time, "monotonic", clock.monotonic)
    looks = throttle.Throttle(0.5, rest=10)
    assert looks.due()
    with looks.poll():
        clock.pause(cost)
    clock.pause(rest - 0.001)
    assert not looks.due()
    clock.pause(0.002)
    assert looks.due()
