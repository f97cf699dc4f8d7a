"""Observations of cells, written as one word of outcomes a commit: `P P F` passed twice, and failed once."""

from datetime import UTC, datetime, timedelta

from bisect_tool.nightly.decide import decide
from bisect_tool.nightly.known import KnownBisection
from bisect_tool.sources.observation import CellKey, Observation, State

STATES = {
    "P": State.PASSED,
    "F": State.FAILED,
    "I": State.INFRASTRUCTURE,
    "R": State.PENDING,
    "M": State.MISSING,
}
COMMITS = tuple(f"c{number}" for number in range(100))
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
HOSTS = ("h0", "h1", "h2", "h3", "h4", "h5", "h6")


def cell(name="test_a", job="gpu"):
    return CellKey("nightly", job, "", name)


def trial(commit, state, key=None, *, hour=0.0, attempt="1", host="", exception="ValueError", build=""):
    return Observation(
        key or cell(),
        commit,
        build or f"build {commit}",
        attempt,
        STATES[state],
        host,
        finished=BEGAN + timedelta(hours=hour),
        exception=exception if state == "F" else "",
    )


def nights(words, key=None, *, start=0, hosts=HOSTS, exception="ValueError"):
    """The trials of a cell: one word a commit from number `start` on, a day apart; each on another host."""
    return [
        trial(
            COMMITS[start + day],
            state,
            key,
            hour=24 * (start + day) + number / 10,
            attempt=str(number),
            host=hosts[(day + number) % len(hosts)] if hosts else "",
            exception=exception,
        )
        for day, word in enumerate(words.split())
        for number, state in enumerate(word)
    ]


def reruns(number, states, key=None, *, day=50, host="h6", exception="ValueError"):
    """Trials at commit number `number` that ran later than all others."""
    return [
        trial(
            COMMITS[number],
            state,
            key,
            hour=24 * day + index,
            attempt=f"rerun {index}",
            host=host,
            exception=exception,
            build=f"rerun {day}",
        )
        for index, state in enumerate(states)
    ]


A, B = cell("test_a"), cell("test_b")
REGRESSION = [*nights("P P P P P FFF F"), *reruns(4, "P")]
FIRST = [*nights("P P P P P FFF F"), *reruns(4, "P", day=6)]
"""A regression at c5; its good end passed again on the sixth day."""


def time(day):
    return BEGAN + timedelta(days=day)


def decided(trials, known=()):
    """What is decided about A."""
    return decide(trials, COMMITS, known)[A]


def known(good, bad, cells=(A,), exception="ValueError", **more):
    """A bisection that ran before, or runs."""
    return KnownBisection(good, bad, frozenset(cells), exception, **more)
