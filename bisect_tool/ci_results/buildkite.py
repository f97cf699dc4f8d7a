"""Builds of Buildkite (REST API v2) as observations. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from bisect_tool.ci_results.answer import Answer, Flag, Text, Time, read
from bisect_tool.ci_results.infrastructure import EXIT_CODES
from bisect_tool.ci_results.job_reports import Artefact
from bisect_tool.ci_results.listing import ListedBuild
from bisect_tool.ci_results.observation import CellKey, Observation, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.ci_results.series import Series

SERVICE = "Buildkite"
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_RED = frozenset({"failed", "timed_out"})
PENDING = frozenset(
    {
        "pending",
        "waiting",
        "scheduled",
        "assigned",
        "accepted",
        "running",
        "limiting",
        "limited",
        "platform_limiting",
        "platform_limited",
        "timing_out",
        "unblocked",
    }
)
"""In all other states the job did not run, or another job's failure ended it."""
_AGENT_SIGNALS = frozenset(
    {"agent_stop", "agent_refused", "agent_incompatible", "process_run_error", "stack_error"}
)


def _variables(value: object) -> object:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def _list(value: object) -> object:
    return value if isinstance(value, list) else []


class Agent(Answer):
    """The agent of a job."""

    hostname: Text = ""
    name: Text = ""
    meta_data: Annotated[tuple[Text, ...], BeforeValidator(_list)] = ()


class Job(Answer):
    """A job of a build; wait, block and trigger steps have another type and no name."""

    id: str
    name: Text = ""
    type: Text = "script"
    state: Text = ""
    exit_status: int | None = None
    signal_reason: Text = ""
    soft_failed: Flag = False
    parallel_group_index: int | None = None
    agent: Agent | None = None
    started_at: Time = None
    finished_at: Time = None
    raw_log_url: Text = ""
    web_url: Text = ""
    step_key: Text = ""
    label: Text = ""
    retried: Flag = False


class Build(Answer):
    """A build with its jobs, including retried ones."""

    number: int
    commit: Text
    branch: Text = ""
    message: Text = ""
    source: Text = ""
    state: Text = ""
    env: Annotated[dict[str, str], BeforeValidator(_variables)] = Field(default_factory=dict)
    rebuilt_from: Annotated[bool, BeforeValidator(bool)] = False
    jobs: tuple[Job, ...] = ()


class _Artifact(Answer):
    """An artefact of a job."""

    path: Text = ""
    state: Text = ""
    file_size: int = 0
    download_url: Text = ""


class Annotation(Answer):
    """An annotation of a build."""

    context: Text = ""
    body_html: str = ""


def annotation(entry: Mapping[str, Any]) -> Annotation:
    """Read an annotation of a build.

    Raises:
        UnexpectedAnswer: it does not match the documentation.
    """
    return read(Annotation, entry, SERVICE)


def artefact(entry: Mapping[str, Any]) -> Artefact:
    """Read an artefact of a job.

    Raises:
        UnexpectedAnswer: it does not match the documentation.
    """
    found = read(_Artifact, entry, SERVICE)
    is_there = found.state == "finished"
    return Artefact(found.path, None, found.download_url, found.file_size, is_expired=not is_there)


def observations(build: Mapping[str, Any], series: Series) -> tuple[Observation, ...]:
    """Return the results of a build's jobs; empty if the build does not belong to the series.

    Every attempt of a job is an observation, including retried ones.

    Raises:
        UnexpectedAnswer: the build is not as documented.
    """
    found = read(Build, build, SERVICE)
    if not _belongs(found, series):
        return ()
    jobs = [job for job in found.jobs if job.type == "script" and job.name and series.has_job(job.name)]
    return tuple(observation(job, found, series) for job in jobs)


def listed(build: Mapping[str, Any], series: Series) -> ListedBuild:
    """Read a build of a listing, which has no jobs.

    Raises:
        UnexpectedAnswer: the build is not as documented.
    """
    found = read(Build, build, SERVICE)
    return ListedBuild(str(found.number), found.message, _belongs(found, series))


def job_names(jobs: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the jobs that run a command."""
    found = (read(Job, job, SERVICE) for job in jobs)
    return tuple(job.name for job in found if job.type == "script" and job.name)


def _belongs(build: Build, series: Series) -> bool:
    # The commit of a build that never began is `HEAD`.
    known = _COMMIT.fullmatch(build.commit) is not None
    return known and series.has_build(build.branch, build.message, build.source, build.env)


def observation(job: Job, build: Build, series: Series) -> Observation:
    """Return the result of a job."""
    shard = "" if job.parallel_group_index is None else str(job.parallel_group_index)
    return Observation(
        CellKey(series.name, job.name, shard, environment=series.environment_key(build.env)),
        build.commit,
        str(build.number),
        job.id,
        _state(job),
        (job.agent.hostname or job.agent.name) if job.agent else "",
        job.started_at,
        job.finished_at,
        job.raw_log_url,
    )


def _state(job: Job) -> State:
    if job.state in PENDING:
        return State.PENDING
    if job.state == "passed" and not job.soft_failed:
        return State.PASSED
    if job.state not in _RED or job.soft_failed:
        return State.MISSING
    killed = job.exit_status in EXIT_CODES or job.signal_reason in _AGENT_SIGNALS
    return State.INFRASTRUCTURE if killed else State.FAILED
