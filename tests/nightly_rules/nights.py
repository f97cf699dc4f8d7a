"""Observations of cells, written as the states at each commit: `P P F` is two passes, then a failure."""

from datetime import UTC, datetime, timedelta

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.earlier_bisections import KnownBisection

STATES = {
    "P": State.PASSED,
    "F": State.FAILED,
    "I": State.INFRASTRUCTURE,
    "R": State.PENDING,
    "M": State.MISSING,
}
COMMITS = tuple(f"c{number}" for number in range(100))
START = datetime(2026, 3, 1, tzinfo=UTC)
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
        finished=START + timedelta(hours=hour),
        exception=exception if state == "F" else "",
    )


def nights(outcomes, key=None, *, start=0, hosts=HOSTS, exception="ValueError"):
    """The trials of a cell with these states at each commit from number `start` on, a day apart."""
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
        for day, states in enumerate(outcomes.split())
        for number, state in enumerate(states)
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
    return START + timedelta(days=day)


def decided(trials, known=()):
    """The decision about A."""
    return decide(trials, COMMITS, known)[A]


def known(good, bad, cells=(A,), exception="ValueError", **more):
    """An earlier or running bisection."""
    return KnownBisection(good, bad, frozenset(cells), exception, **more)
