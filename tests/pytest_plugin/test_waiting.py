"""`wait_until` with a fake clock: when it polls, and what it returns."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bisect_tool.pytest_plugin import waiting


class Clock:
    """A fake `time` module, which advances when code sleeps or a test changes `now`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_wait_until_holds_at_once_does_not_sleep(clock: Clock):
    assert waiting.wait_until(lambda: True, 5)
    assert clock.now == 100


@pytest.mark.parametrize("seconds", [0, -3])
def test_wait_until_no_time_left_polls_once(clock: Clock, seconds: float):
    polls = []
    assert waiting.wait_until(lambda: polls.append(1) or True, seconds)
    assert not waiting.wait_until(lambda: polls.append(1), seconds)
    assert len(polls) == 2


def test_wait_until_never_holds_ends_at_the_deadline(clock: Clock):
    polls: list[float] = []
    assert not waiting.wait_until(lambda: polls.append(clock.now), 5)
    assert polls[-1] == pytest.approx(105)
    assert clock.now == pytest.approx(105)
    assert max(later - earlier for earlier, later in pairwise(polls)) < 2 * waiting.POLL_S


def test_wait_until_holds_before_the_deadline_is_true(clock: Clock):
    assert waiting.wait_until(lambda: clock.now >= 104.9, 5)
    assert clock.now < 105


def test_wait_until_one_slow_poll_polls_again_after_the_deadline(clock: Clock):
    """A request that was accepted just after SIGTERM, and answered seconds later."""
    answers = [False, True]

    def slow() -> bool:
        clock.now += 6
        return answers.pop(0)

    assert waiting.wait_until(slow, 5)
    assert answers == []
