"""Workflow runs and jobs of GitHub Actions as observations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from bisect_tool.ci_results.answer import Answer, Flag, Text, Time, read
from bisect_tool.ci_results.job_reports import Artefact
from bisect_tool.ci_results.listing import ListedBuild
from bisect_tool.ci_results.observation import CellKey, Observation, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.ci_results.series import Series

SERVICE = "GitHub"
_RED = frozenset({"failure", "timed_out"})
_SETUP = ("set up job", "set up runner", "initialize containers", "pull ", "build container for action")
"""Prefixes of the names of the runner's own steps, in lower case."""


class Step(Answer):
    """A step of a job."""

    name: Text = ""
    conclusion: Text = ""


class Job(Answer):
    """A job of one attempt of a run."""

    id: int
    run_attempt: int = 1
    name: Text = ""
    status: Text = ""
    conclusion: Text = ""
    runner_name: Text = ""
    started_at: Time = None
    completed_at: Time = None
    url: Text = ""
    html_url: Text = ""
    labels: tuple[Text, ...] = ()
    steps: tuple[Step, ...] = ()


class Account(Answer):
    """Who started a run."""

    login: Text = ""


class Run(Answer):
    """A run of a workflow; the jobs of its attempts are separate listings."""

    id: int
    head_sha: str = Field(min_length=7)
    head_branch: Text = ""
    event: Text = ""
    display_title: Text = ""
    status: Text = ""
    run_attempt: int = 1
    actor: Account | None = None
    html_url: Text = ""


class _Artifact(Answer):
    """An artefact of a run."""

    name: Text = ""
    size_in_bytes: int = 0
    expired: Flag = False
    created_at: Time = None
    archive_download_url: Text = ""


def artefact(entry: Mapping[str, Any]) -> Artefact:
    """Read an artefact of a run.

    Raises:
        UnexpectedAnswer: it does not match the documentation.
    """
    found = read(_Artifact, entry, SERVICE)
    return Artefact(
        found.name, found.created_at, found.archive_download_url, found.size_in_bytes, found.expired
    )


def observations(
    run: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], series: Series
) -> tuple[Observation, ...]:
    """Return the results of a run's jobs of all attempts; empty if the run does not belong to the series.

    Raises:
        UnexpectedAnswer: the run or a job does not match the documentation.
    """
    found = read(Run, run, SERVICE)
    if not _belongs(found, series):
        return ()
    known = [read(Job, job, SERVICE) for job in jobs]
    return tuple(observation(job, found, series) for job in known if job.name and series.has_job(job.name))


def listed(run: Mapping[str, Any], series: Series) -> ListedBuild:
    """Read a run of a listing, which has no jobs.

    Raises:
        UnexpectedAnswer: the run does not match the documentation.
    """
    found = read(Run, run, SERVICE)
    return ListedBuild(str(found.id), found.display_title, _belongs(found, series))


def _belongs(run: Run, series: Series) -> bool:
    # A run of a pull request tests its merge with the base, and not its head.
    tests_head = not run.event.startswith("pull_request")
    return tests_head and series.has_build(run.head_branch, run.display_title, run.event, {})


def job_names(jobs: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of jobs."""
    return tuple(read(Job, job, SERVICE).name for job in jobs)


def observation(job: Job, run: Run, series: Series) -> Observation:
    """Return the result of a job."""
    return Observation(
        CellKey(series.name, job.name),
        run.head_sha,
        str(run.id),
        f"{job.run_attempt} job {job.id}",
        _state(job),
        job.runner_name,
        job.started_at,
        job.completed_at,
        f"{job.url}/logs" if job.url else "",
    )


def _state(job: Job) -> State:
    if job.status != "completed":
        return State.PENDING
    if job.conclusion == "success":
        return State.PASSED
    if job.conclusion == "startup_failure":
        return State.INFRASTRUCTURE
    if job.conclusion not in _RED:
        return State.MISSING
    return State.INFRASTRUCTURE if _is_runner_failure(job) else State.FAILED


def _is_runner_failure(job: Job) -> bool:
    """Whether the runner was lost (no step failed), or could not set up the job."""
    failed = [step.name.lower() for step in job.steps if step.conclusion in _RED]
    lost = job.conclusion == "failure" and bool(job.steps) and not failed
    return lost or any(name.startswith(_SETUP) for name in failed[:1])
