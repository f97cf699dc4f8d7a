"""Trials of one job on a simulated farm: the job, and runs of its trials."""

from __future__ import annotations

from ci_farm_buildkite import PIPELINE
from ci_farm_github import REPOSITORY, WORKFLOW

from bisect_tool.checks import JobCheck
from bisect_tool.executor.event import Failed, Yielded

SHA, OTHER = "a" * 40, "b" * 40
SERVICES = ("buildkite", "github")


def check(service, **fields):
    names = (
        {"pipeline": PIPELINE} if service == "buildkite" else {"repository": REPOSITORY, "workflow": WORKFLOW}
    )
    return JobCheck(service=service, job="Distributed*", **names, **fields)


class Clock:
    """A clock that advances with each reading."""

    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def submit(executor, tmp_path, sha=SHA, cells=None):
    folder = tmp_path / f"trial-{sha[:4]}-{len(list(tmp_path.glob('trial-*')))}"
    folder.mkdir()
    return executor.submit(sha, cells, folder)


def events(executor):
    """All events until a trial ends."""
    found = [executor.next_event()]
    while not isinstance(found[-1], Yielded | Failed):
        found.append(executor.next_event())
    return found


def result(executor, tmp_path, sha=SHA, cells=None):
    submit(executor, tmp_path, sha, cells)
    last = events(executor)[-1]
    if isinstance(last, Failed):
        raise last.error
    return last.result


def always(ending):
    return lambda _sha, _count: ending
