from __future__ import annotations

import signal

import pytest

from bisect_tool.supervise import process_set as module
from bisect_tool.supervise import throttle
from bisect_tool.supervise.process_set import sweep
from bisect_tool.supervise.processes import Process


class FakeClock:
    """Time passes only while somebody waits."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


class FakeHerd:
    """Processes by pid, each with the signal that ends it (None: nothing does)."""

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

    def start(herd, grace=3.0, ends=None):
        monkeypatch.setattr(module, "send", herd.send)
        monkeypatch.setattr(module.time, "monotonic", clock.monotonic)
        told = sweep(herd, ends or (lambda: 100.0 + grace), clock.pause)
        return told, clock.now - 100.0

    return start


def test_nothing_to_do(run):
    assert run(FakeHerd()) == ({}, 0.0)


def test_those_that_obey_get_no_sigkill(run):
    herd = FakeHerd(p1=signal.SIGTERM, p2=signal.SIGTERM)
    told, took = run(herd)
    assert told == {(1, 1): "SIGTERM", (2, 2): "SIGTERM"}
    assert took < 0.1


def test_sigterm_is_sent_once_and_wakes_the_stopped(run):
    herd = FakeHerd(p1=signal.SIGKILL)
    told, took = run(herd)
    assert herd.sent == [(1, signal.SIGTERM, signal.SIGCONT), (1, signal.SIGKILL)]
    assert told == {(1, 1): "SIGKILL"}
    assert 3 <= took < 3.1


def test_the_grace_may_come_to_an_early_end(run):
    herd = FakeHerd(p1=signal.SIGKILL)
    _, took = run(herd, ends=lambda: 103.0 if len(herd.sent) == 0 else 100.5)
    assert 0.5 <= took < 0.6


def test_what_no_signal_ends_is_given_up(run):
    told, took = run(FakeHerd(p1=None))
    assert told == {(1, 1): "SIGKILL"}
    assert took == pytest.approx(3.0 + module.KILL_LIMIT_S, abs=0.1)


def test_one_born_meanwhile_is_told_too(run):
    herd = FakeHerd(p1=signal.SIGTERM)
    born = iter([7])
    plain = herd.send

    def send(identity, *signals):
        if pid := next(born, None):
            herd.ended_by[pid] = signal.SIGTERM
        return plain(identity, *signals)

    herd.send = send
    assert run(herd)[0] == {(1, 1): "SIGTERM", (7, 7): "SIGTERM"}


@pytest.mark.parametrize(("cost", "rest"), [(0.0, 0.5), (0.01, 0.5), (0.2, 2.0)])
def test_a_pace_rests_after_a_costly_look(monkeypatch, cost, rest):
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
