"""Look up what a session could ask a CI service for, without starting anything."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.decide import Follow, GiveUp, Use, Wait, next_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.executor.ci.service import JobService

MOST_READS = 200


@dataclass(frozen=True)
class Prospect:
    """What a first trial of a commit would do.

    `detail` is the result and its URL, a reason, or a call's method and path; `line` is the whole call.
    """

    sha: str
    does: Literal["use", "wait", "unblock", "rerun", "start", "skip", "unread"]
    detail: str = ""
    line: str = ""


@dataclass(frozen=True)
class Survey:
    """The prospects of commits, in the order of the history; `reads` were needed.

    `first` are the calls of the commits that a bisection asks for first.
    """

    prospects: tuple[Prospect, ...]
    first: tuple[Prospect, ...]
    reads: int


def survey(service: JobService, shas: Sequence[str], calls: int) -> Survey:
    """Look up what would be done at each of these commits, until `MOST_READS` requests were sent.

    Args:
        service: the service; it is only read.
        shas: the commits, oldest first.
        calls: how many of the first calls are wanted.

    Raises:
        EnvironmentFailed: the service cannot be reached.
        UsageError: the token is rejected, or the pattern matches several jobs.
    """
    service.list_ahead(shas)
    found = {}
    for sha in _as_bisected(shas):
        found[sha] = _prospect(service, sha) if service.reads < MOST_READS else Prospect(sha, "unread")
    first = [each for each in found.values() if each.line]
    return Survey(tuple(found[sha] for sha in shas), tuple(first[:calls]), service.reads)


def _as_bisected(shas: Sequence[str]) -> Iterator[str]:
    """Yield the ends first, then the middle of all, of each half, and so on."""
    yield from dict.fromkeys((shas[-1], shas[0]))
    parts = deque([(0, len(shas) - 1)])
    while parts:
        low, high = parts.popleft()
        middle = (low + high) // 2
        if middle > low:
            yield shas[middle]
            parts += [(low, middle), (middle, high)]


def _prospect(service: JobService, sha: str) -> Prospect:
    jobs = service.look(sha)
    action = next_action(jobs, frozenset())
    if not isinstance(action, Call):
        return _without_call(sha, action)
    detail, line = f"{action.method} {action.path}", service.describe(action)
    if action.job:
        return Prospect(sha, "unblock", detail, line)
    return Prospect(sha, "start" if action == jobs.start else "rerun", detail, line)


def _without_call(sha: str, action: Use | Follow | Wait | GiveUp) -> Prospect:
    if isinstance(action, Use):
        return Prospect(sha, "use", f"{action.attempt.job.state}: {action.attempt.url}")
    if isinstance(action, Follow):
        return Prospect(sha, "wait", action.attempt.url)
    if isinstance(action, GiveUp):
        return Prospect(sha, "skip", action.reason)
    return Prospect(sha, "wait", "a build has not listed its jobs yet")
