"""Simulate a month of nights with known causes, and decide about each night.

Each night builds the newest commit and runs every cell. Reruns and bisections finish before the next night; a
bisection finds the culprit of each of its cells.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.nightly_rules.decide import decide
from bisect_tool.nightly_rules.decision import Bisect, Rerun
from bisect_tool.nightly_rules.earlier_bisections import KnownBisection

NIGHTS = 30
COMMITS_PER_NIGHT = 12
JOBS, CELLS = 8, 4
HOSTS = tuple(f"gpu-{number}" for number in range(8))
WINDOW = 14 * COMMITS_PER_NIGHT
START = datetime(2026, 3, 1, 23, tzinfo=UTC)
END = 2 * NIGHTS * COMMITS_PER_NIGHT
EXCEPTIONS = ("RuntimeError", "TimeoutError", "AssertionError", "ValueError")
FLAKE_RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Regression:
    """Cells that fail from one commit until another."""

    culprit: int
    fixed: int
    cells: frozenset[CellKey]
    exception: str


@dataclass(frozen=True)
class Incident:
    """Nights on which many cells fail at any commit, on one host or on all.

    Attributes:
        shows: the state that the service reports for the affected cells.
    """

    nights: range
    host: str
    share: float
    shows: State


@dataclass(frozen=True)
class Truth:
    """The causes of all failures of a month."""

    cells: tuple[CellKey, ...]
    regressions: tuple[Regression, ...]
    flakes: dict[CellKey, float]
    incidents: tuple[Incident, ...]
    missing: frozenset[int]


@dataclass
class Figures:
    """The figures of a simulated month."""

    regressions: int = 0
    found_late: list[Regression] = field(default_factory=list)
    bisected_twice: list[Bisect] = field(default_factory=list)
    incidents_bisected: list[Bisect] = field(default_factory=list)
    flaky_reds: int = 0
    incident_reds: int = 0
    flakes_bisected: list[Bisect] = field(default_factory=list)
    runs: int = 0
    reruns: int = 0


def commit(position):
    return f"{position:06x}"


def month(seed):
    """A month with regressions, one of them re-landed, flaky cells, incidents and missing builds."""
    rng = random.Random(seed)  # noqa: S311
    cells = tuple(
        CellKey("nightly", f"job {job}", "", f"test_{number}")
        for job in range(JOBS)
        for number in range(CELLS)
    )
    flakes = dict(zip(rng.sample(cells, len(FLAKE_RATES)), FLAKE_RATES, strict=True))
    mild = tuple(key for key in cells if flakes.get(key, 0) <= 0.1)
    night = rng.randrange(6, 9)
    reverted = _regression(rng, mild, night, fixed=night + rng.randrange(5, 8))
    landed = COMMITS_PER_NIGHT * 17 + rng.randrange(2 * COMMITS_PER_NIGHT)
    again = replace(reverted, culprit=landed, fixed=END)
    others = tuple(key for key in mild if key not in reverted.cells)
    second = _regression(rng, others, rng.randrange(10, 14))
    third = _regression(rng, tuple(key for key in others if key not in second.cells), rng.randrange(21, 25))
    incidents = (
        Incident(_nights(rng, 9, 12), "", 0.6, State.INFRASTRUCTURE),
        Incident(_nights(rng, 12, 17), "", 0.4, State.FAILED),
        Incident(_nights(rng, 18, 26), rng.choice(HOSTS), 1.0, State.FAILED),
    )
    missing = frozenset(rng.sample(range(3, NIGHTS - 3), 3))
    return Truth(cells, (reverted, again, second, third), flakes, incidents, missing)


def _regression(rng, cells, night, fixed=None):
    culprit = night * COMMITS_PER_NIGHT + rng.randrange(COMMITS_PER_NIGHT)
    until = END if fixed is None else fixed * COMMITS_PER_NIGHT
    return Regression(
        culprit, until, frozenset(rng.sample(cells, rng.randrange(1, 5))), rng.choice(EXCEPTIONS)
    )


def _nights(rng, start, stop):
    night = rng.randrange(start, stop)
    return range(night, night + rng.randrange(1, 3))


class Month:
    """Simulates a month."""

    def __init__(self, month, seed):
        self.month = month
        self.rng = random.Random(f"{seed} month")  # noqa: S311
        self.trials = []
        self.known = []
        self.figures = Figures(regressions=len(month.regressions))
        self.reds = dict.fromkeys(month.regressions, 0)
        self.overdue = set()
        self.found = set()

    def simulate(self):
        for night in range(NIGHTS):
            head = (night + 1) * COMMITS_PER_NIGHT
            if night not in self.month.missing:
                self._build(night, head)
            self._decide(night, head)
        self.figures.found_late = sorted(self.overdue, key=lambda one: one.culprit)
        return self.figures

    def _build(self, night, head):
        hosts = {f"job {job}": self.rng.choice(HOSTS) for job in range(JOBS)}
        absent = {job for job in hosts if self.rng.random() < 0.03}
        cells = [key for key in self.month.cells if key.job not in absent]
        ran = [self._run(key, head, night, f"build {night}", hosts[key.job], hour=0) for key in cells]
        self.figures.runs += len(ran)
        red = [trial.key for trial in ran if trial.state is State.FAILED]
        causes = [self._regression(key, head) for key in red]
        for key, cause in zip(red, causes, strict=True):
            self.figures.flaky_reds += cause is None and key in self.month.flakes
            self.figures.incident_reds += cause is None and key not in self.month.flakes
        for regression in set(causes) - {None}:
            self.reds[regression] += 1

    def _decide(self, night, head):
        history = [commit(position) for position in range(max(0, head - WINDOW), head + 1)]
        decisions = decide(self.trials, history, self.known)
        for bisection in {each for each in decisions.values() if isinstance(each, Bisect)}:
            self._bisect(bisection, night)
        for key, decision in decisions.items():
            if isinstance(decision, Rerun):
                self._rerun(key, decision, night)
        self._check_deadlines()

    def _rerun(self, key, decision, night):
        hosts = [host for host in HOSTS if host not in decision.avoid]
        for runs in decision.runs:
            for _ in range(runs.number):
                self.figures.reruns += 1
                build = f"rerun {self.figures.reruns}"
                self._run(key, int(runs.commit, 16), night, build, self.rng.choice(hosts), hour=12)

    def _bisect(self, bisection, night):
        good, bad = int(bisection.good, 16), int(bisection.bad, 16)
        causes = {key: self._cause(key, good, bad) for key in bisection.cells}
        for key in bisection.cells:
            if causes[key] in self.found:
                self.figures.bisected_twice.append(bisection)
            elif causes[key] is None and key in self.month.flakes:
                self.figures.flakes_bisected.append(bisection)
            elif causes[key] is None:
                self.figures.incidents_bisected.append(bisection)
        self.found |= set(causes.values()) - {None}
        culprits = {key: commit(cause.culprit) for key, cause in causes.items() if cause}
        cells = frozenset(bisection.cells)
        ended = START + timedelta(days=night, hours=18)
        self.known.append(
            KnownBisection(bisection.good, bisection.bad, cells, bisection.exception, culprits, ended=ended)
        )

    def _cause(self, key, good, bad):
        causes = (one for one in self.month.regressions if key in one.cells)
        return next((one for one in causes if good < one.culprit <= bad), None)

    def _check_deadlines(self):
        """A regression that was red on two nights is found on the night after at the latest."""
        for regression, reds in self.reds.items():
            if regression not in self.found and reds > 2:
                self.overdue.add(regression)

    def _run(self, key, position, night, build, host, *, hour):
        state, exception = self._outcome(key, position, night, host)
        trial = Observation(
            key,
            commit(position),
            build,
            "1",
            state,
            host,
            finished=START + timedelta(days=night, hours=hour),
            exception=exception,
        )
        self.trials.append(trial)
        return trial

    def _outcome(self, key, position, night, host):
        for incident in self.month.incidents:
            hit = night in incident.nights and incident.host in ("", host)
            if hit and self.rng.random() < incident.share:
                return incident.shows, "ConnectionError" if incident.shows is State.FAILED else ""
        regression = self._regression(key, position)
        if regression:
            return State.FAILED, regression.exception
        if self.rng.random() < self.month.flakes.get(key, 0):
            return State.FAILED, "TimeoutError"
        return State.PASSED, ""

    def _regression(self, key, position):
        return next(
            (
                each
                for each in self.month.regressions
                if key in each.cells and each.culprit <= position < each.fixed
            ),
            None,
        )


def simulate(seed):
    return Month(month(seed), seed).simulate()
