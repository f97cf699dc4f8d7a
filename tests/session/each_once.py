"""Runs a session that tries every commit of its range once, in its number of slots.

    python each_once.py SESSION

Does what the command line does around `runner.run`, signals included, with a simpler planner.
"""

from __future__ import annotations

import sys
from contextlib import closing

from projects import NullObserver

from bisect_tool.cli.interrupt import interruptible
from bisect_tool.paths import home
from bisect_tool.planner import BisectPlanner, Purpose, State, Step
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store


class EachOnce(BisectPlanner):
    """A planner that tries every commit once, ancestors first."""

    def decide(self, trials, running=()):
        started = [trial.sha for trial in trials] + [step.sha for step in running]
        left = tuple(sha for sha in self.goal.dag.candidates if sha not in started)
        step = Step(left[0], None, Purpose.NARROW) if left else None
        return State(step, (), left, len(left), over=not left and not running)


def each_once(session):
    """A planner that tries every commit of a session once."""
    return EachOnce(session.planner.goal)


def main() -> None:
    data_home = home()
    with closing(Store(data_home.store)) as store, interruptible() as interrupt:
        session = sessions.load(sys.argv[1], store, data_home)
        runner.run(session, each_once(session), store, NullObserver(), executor_of(session, interrupt.cancel))


if __name__ == "__main__":
    main()
