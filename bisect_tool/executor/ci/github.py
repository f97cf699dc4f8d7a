"""Read GitHub Actions runs that tested a commit as attempts of one job. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results.answer import read
from bisect_tool.ci_results.github import SERVICE, Job, Run, observation
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
    from collections.abc import Collection, Mapping, Sequence

    from bisect_tool.ci_results.series import Series

DISPATCH = "workflow_dispatch"
_COMPLETED = "completed"
_COMMIT = re.compile(r"\b[0-9a-f]{40,64}\b")
_OF_OTHERS = frozenset({"issue_comment", "repository_dispatch", "workflow_run"})
"""Events of the default branch, whose runs usually test another commit than its tip."""
_NEVER = datetime.max.replace(tzinfo=UTC)


def tests_commit(
    run: Mapping[str, Any], commit: str, dispatched: Mapping[str, str], *, by_input: bool
) -> bool:
    """Whether a run tested a commit: its head, or the commit that it was dispatched for.

    The latter is known for runs that we dispatched (`dispatched`: commit by run), and for runs with the
    commit in the title, as with `run-name: ${{ inputs.sha }}`. Without an input (`by_input`) only runs whose
    head it is count: others are not in GitHub's listing of the runs of a commit.
    """
    found = read(Run, run, SERVICE)
    if str(found.id) in dispatched:
        return dispatched[str(found.id)] == commit
    if found.event != DISPATCH:
        return found.event not in _OF_OTHERS and found.head_sha == commit
    named = _COMMIT.findall(found.display_title)
    if by_input:
        return commit in named
    return found.head_sha == commit and (not named or commit in named)


def unclaimed(
    runs: Sequence[Mapping[str, Any]], newest: int, dispatched: Collection[str], actor: str
) -> tuple[Run, ...]:
    """Return the runs that a dispatch of ours may have started, and that do not say which commit they test.

    Args:
        runs: the dispatched runs of the workflow.
        newest: the newest one that was listed before the dispatch.
        dispatched: the runs that are known to be ours.
        actor: the account whose token dispatched; empty if it is not known.
    """
    found = (read(Run, run, SERVICE) for run in runs)
    return tuple(
        run
        for run in found
        if run.id > newest
        and str(run.id) not in dispatched
        and not _COMMIT.search(run.display_title)
        and (not actor or run.actor is None or run.actor.login == actor)
    )


def commit_jobs(
    runs: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]],
    pattern: str,
    series: Series,
    path: str,
) -> CommitJobs:
    """Return the attempts of the job that matches a pattern, in all runs of a commit.

    Args:
        runs: the runs, each with its jobs of all attempts.
        pattern: the pattern of the job's name.
        series: the rule that selects runs.
        path: the API path of the repository's actions.

    Raises:
        UnexpectedAnswer: a run or job does not match the documentation.
        UsageError: the pattern matches several jobs.
    """
    if not runs:
        return CommitJobs(
            missing=f"{SERVICE} has no run of this workflow for this commit (--input starts one)"
        )
    found = [(read(Run, run, SERVICE), tuple(read(Job, job, SERVICE) for job in jobs)) for run, jobs in runs]
    labels = [job.name for _, jobs in found for job in jobs if job.name]
    label = the_label(labels, pattern)
    of_runs = [(run, [job for job in jobs if label and job.name == label]) for run, jobs in found]
    attempts = [attempt for run, jobs in of_runs for attempt in _attempts(run, jobs, series, f"{path}/jobs")]
    lacking = [run for run, jobs in of_runs if not jobs]
    where = ", ".join(f"run {run.id}" for run, _ in found)
    return CommitJobs(
        tuple(sorted(attempts, key=lambda each: each.job.finished or _NEVER)),
        "" if label else missing_job(labels, pattern, where),
        is_pending=any(run.status != _COMPLETED for run in lacking),
        is_unfinished=any(run.status != _COMPLETED for run, _ in found),
        without=tuple(str(run.id) for run in lacking if run.status == _COMPLETED),
    )


def _attempts(run: Run, jobs: Sequence[Job], series: Series, path: str) -> list[Attempt]:
    """Return the attempts of a job in a run, without those repeated in the list by a rerun of other jobs.

    Raises:
        UsageError: several jobs of one attempt have the name, as those of a matrix can.
    """
    require_one((f"{job.name} in attempt {job.run_attempt}" for job in jobs), f"run {run.id}")
    distinct: dict[tuple[object, ...], Job] = {}
    ordered = sorted(jobs, key=lambda each: each.run_attempt)
    for job in ordered:
        key = (job.started_at, job.completed_at) if job.status == _COMPLETED else (job.id,)
        distinct.setdefault(key, job)
    if not distinct:
        return []
    last = list(distinct.values())[-1]
    # Of the latest attempt of the run, in which the job may be listed once more.
    rerun = Call("POST", f"{path}/{ordered[-1].id}/rerun") if run.status == _COMPLETED else None
    return [_attempt(job, run, series, rerun if job is last else None) for job in distinct.values()]


def _attempt(job: Job, run: Run, series: Series, again: Call | None) -> Attempt:
    return Attempt(
        observation(job, run, series),
        _stage(job),
        job.html_url,
        again=again,
        timed_out=job.conclusion == "timed_out",
        reason=job.conclusion or job.status,
        gpus=gpu_count(job.labels),
    )


def _stage(job: Job) -> Stage:
    if job.status == _COMPLETED:
        return Stage.ENDED
    return Stage.RUNNING if job.status == "in_progress" else Stage.WAITING
