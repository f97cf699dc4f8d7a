"""Read Buildkite builds (REST API v2) of a commit as attempts of one job. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.jobs import (
    Attempt,
    CommitJobs,
    Stage,
    gpu_count,
    missing_job,
    the_label,
)
from bisect_tool.sources.answer import read
from bisect_tool.sources.buildkite import PENDING, SERVICE, Build, Job, observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.sources.series import Series

_BLOCKED = "blocked"
_RUNNING = frozenset({"running", "timing_out", "canceling"})
_RETRYABLE = frozenset({"passed", "failed", "timed_out", "canceled", "expired"})
_NEVER = datetime.max.replace(tzinfo=UTC)


def commit_jobs(builds: Sequence[Mapping[str, Any]], pattern: str, series: Series, path: str) -> CommitJobs:
    """Return the attempts of the job that matches a pattern, in all builds of a commit.

    Args:
        builds: the builds, each with its `jobs`.
        pattern: the pattern of the job's name.
        series: the rule that selects builds.
        path: the path of all builds.

    Raises:
        UnexpectedAnswer: a build does not match the documentation.
        UsageError: the pattern matches several jobs.
    """
    found = [read(Build, build, SERVICE) for build in builds]
    if not found:
        return CommitJobs(missing=f"{SERVICE} has no build of this commit")
    labels = [_label(job) for build in found for job in build.jobs if _is_script(job)]
    label = the_label(labels, pattern)
    if not label:
        where = ", ".join(f"build {build.number}" for build in found)
        return CommitJobs(missing=missing_job(labels, pattern, where))
    attempts = [
        _attempt(job, build, series, f"{path}/{build.number}/jobs")
        for build in found
        for job in build.jobs
        if _is_script(job) and _label(job) == label
    ]
    return CommitJobs(tuple(sorted(attempts, key=lambda each: each.job.finished or _NEVER)))


def _is_script(job: Job) -> bool:
    return job.type == "script" and bool(job.name)


def _label(job: Job) -> str:
    """Return the name of a job, with its number if several share the name."""
    shard = job.parallel_group_index
    return job.name if shard is None else f"{job.name} #{shard}"


def _attempt(job: Job, build: Build, series: Series, path: str) -> Attempt:
    stage = _stage(job)
    gates = _gates(job, build) if stage is Stage.BLOCKED else ()
    return Attempt(
        observation(job, build, series),
        stage,
        job.web_url,
        again=_again(job, gates, path),
        timed_out=job.state == "timed_out",
        reason=_reason(job),
        gpus=gpu_count(job.agent.meta_data) if job.agent else 0,
        gates=gates,
    )


def _again(job: Job, gates: Sequence[str], path: str) -> Call | None:
    """Return the call that retries a job, or that unblocks it if the blocking step is known."""
    if len(gates) == 1:
        return Call("PUT", f"{path}/{gates[0]}/unblock", {})
    if job.state in _RETRYABLE and not job.retried:
        return Call("PUT", f"{path}/{job.id}/retry")
    return None


def _stage(job: Job) -> Stage:
    if job.state == _BLOCKED:
        return Stage.BLOCKED
    if job.state in _RUNNING:
        return Stage.RUNNING
    return Stage.WAITING if job.state in PENDING else Stage.ENDED


def _reason(job: Job) -> str:
    code = "" if job.exit_status is None else f", exit status {job.exit_status}"
    signal = f", {job.signal_reason}" if job.signal_reason else ""
    return f"{job.state}{code}{signal}"


def _gates(job: Job, build: Build) -> tuple[str, ...]:
    """Return the blocked steps that a job may wait for: the one named after it, else all."""
    blocked = [each for each in build.jobs if each.type == "manual" and each.state == _BLOCKED]
    keys = {f"block{_letters(name)}" for name in (job.name, job.step_key) if name}
    named = [
        each
        for each in blocked
        if _letters(each.step_key) in keys or (job.name and job.name in (each.label or each.name))
    ]
    return tuple(each.id for each in named or blocked)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())
