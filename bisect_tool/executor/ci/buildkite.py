"""Read Buildkite builds (REST API v2) of a commit as attempts of one job. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results.answer import read
from bisect_tool.ci_results.buildkite import PENDING, SERVICE, Build, Job, observation
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.jobs import (
    Attempt,
    CommitJobs,
    Stage,
    gpu_count,
    missing_job,
    require_one,
    the_label,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.ci_results.series import Series

SESSION = "BISECT_RUN_SESSION"
"""The variable with the session's id in builds that it starts."""
_BLOCKED = "blocked"
_RUNNING = frozenset({"running", "timing_out", "canceling"})
_NOT_RUN = frozenset({"broken", "skipped"})
"""States of a step whose condition is false; another one with the same name may take its place."""
_RETRYABLE = frozenset({"passed", "failed", "timed_out", "canceled", "expired"})
_CANCELED = frozenset({"canceling", "canceled"})
"""The states of a build whose jobs cannot be retried or unblocked."""
_UNFINISHED = frozenset({"creating", "scheduled", "waiting", "running", "failing"})
"""The states of a build whose jobs may not be listed yet."""
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
        return CommitJobs(missing=f"{SERVICE} has no build of this commit (--allow-builds starts one)")
    labels = [_label(job) for build in found for job in build.jobs if _is_script(job)]
    label = the_label(labels, pattern)
    of_builds = [(build, _jobs(build, label)) for build in found]
    attempts = [
        _attempt(job, build, series, f"{path}/{build.number}/jobs")
        for build, jobs in of_builds
        for job in jobs
    ]
    # The jobs of a build are listed once a first step has uploaded them.
    lacking = [build for build, jobs in of_builds if not jobs]
    where = ", ".join(f"build {build.number}" for build in found)
    return CommitJobs(
        tuple(sorted(attempts, key=lambda each: each.job.finished or _NEVER)),
        "" if label else missing_job(labels, pattern, where),
        is_pending=any(build.state in _UNFINISHED for build in lacking),
        without=tuple(str(build.number) for build in lacking if build.state not in {"", *_UNFINISHED}),
        builds=tuple(str(build.number) for build in found if build.state not in _CANCELED),
    )


def builds_of(session: str, builds: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the builds that a session started; a rebuild by somebody else has the same variables."""
    found = (read(Build, build, SERVICE) for build in builds)
    ours = (build for build in found if build.env.get(SESSION) == session and not build.rebuilt_from)
    return tuple(str(build.number) for build in ours)


def _jobs(build: Build, label: str) -> list[Job]:
    """Return the attempts of one job in a build; none without a label.

    Raises:
        UsageError: several jobs have that label, as those of a matrix can.
    """
    found = [job for job in build.jobs if label and _is_script(job) and _label(job) == label]
    ran = (job for job in found if not job.retried and job.state not in _NOT_RUN)
    require_one((label for _ in ran), f"build {build.number}")
    return found


def _is_script(job: Job) -> bool:
    return job.type == "script" and bool(job.name)


def _label(job: Job) -> str:
    """Return the name of a job, with its number if several share the name."""
    shard = job.parallel_group_index
    return job.name if shard is None else f"{job.name} #{shard}"


def _attempt(job: Job, build: Build, series: Series, path: str) -> Attempt:
    stage = _stage(job)
    gates = _gates(job, build) if stage is Stage.BLOCKED else ()
    # The job was asked for by name: its failure counts, whether or not it fails the build.
    hard = job.model_copy(update={"soft_failed": False})
    return Attempt(
        observation(hard, build, series),
        stage,
        job.web_url,
        again=_again(job, build, gates, path),
        timed_out=job.state == "timed_out",
        reason=_reason(job),
        gpus=gpu_count(job.agent.meta_data) if job.agent else 0,
        gates=tuple(each.id for each in gates),
    )


def _again(job: Job, build: Build, gates: Sequence[Job], path: str) -> Call | None:
    """Return the call that retries a job, or that unblocks only this one."""
    if build.state in _CANCELED:
        return None
    if len(gates) == 1 and (_is_of(gates[0], job) or not _other_blocked(job, build)):
        return Call("PUT", f"{path}/{gates[0].id}/unblock", {}, job=job.id)
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


def _gates(job: Job, build: Build) -> tuple[Job, ...]:
    """Return the blocked steps that a job may wait for: the one named after it, else all."""
    blocked = [each for each in build.jobs if each.type == "manual" and each.state == _BLOCKED]
    return tuple([each for each in blocked if _is_of(each, job)] or blocked)


def _is_of(gate: Job, job: Job) -> bool:
    """Whether a step that blocks is named after a job."""
    keys = {f"block{_letters(name)}" for name in (job.name, job.step_key) if name}
    return _letters(gate.step_key) in keys or (job.name != "" and job.name in (gate.label or gate.name))


def _other_blocked(job: Job, build: Build) -> bool:
    """Whether a build has other blocked jobs, which may wait for the same step."""
    return any(_is_script(each) and each.state == _BLOCKED and each.id != job.id for each in build.jobs)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())
