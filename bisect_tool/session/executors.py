"""The executor of a session, selected by its name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, assert_never

from bisect_tool.executor.executor import refused
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from bisect_tool.executor.executor import Executor
    from bisect_tool.session.session import Session
    from bisect_tool.trial.result import TrialResult

# An executor is imported where it is created: its modules are slow to import, and reports need none of them.


def executor_of(
    session: Session,
    cancel: threading.Event,
    own: Iterable[TrialResult] = (),
    agreed: Callable[[str], bool] = refused,
) -> Executor:
    """Return the executor of a session: this machine, a Ray cluster or a CI service; `cancel` stops it.

    `own` are the existing trials of the session. `agreed` answers a question about jobs that still run when
    the session is cancelled.

    Raises:
        UsageError: the executor cannot run these trials.
        EnvironmentFailed: it lacks resources, such as GPUs.
    """
    match session.request.executor:
        case "local":
            from bisect_tool.executor.local import LocalExecutor  # noqa: PLC0415

            return LocalExecutor(session.config, session.repository, cancel)
        case "ray":
            return _on_ray(session, cancel)
        case "buildkite" | "github":
            return _in_ci(session, cancel, own, agreed)
        case name:
            assert_never(name)


def _on_ray(session: Session, cancel: threading.Event) -> Executor:
    from bisect_tool.executor.ray.connect import ray_executor  # noqa: PLC0415

    request = session.request
    assert request.ray_address is not None
    return ray_executor(
        request.ray_address, session.id, session.config, session.repository, request.ends, cancel
    )


def _in_ci(
    session: Session,
    cancel: threading.Event,
    own: Iterable[TrialResult],
    agreed: Callable[[str], bool],
) -> Executor:
    from bisect_tool.executor.ci.connect import ci_executor  # noqa: PLC0415

    job = session.request.check.as_job
    assert job is not None
    folder = session.home.session(session.id)
    used = (each.job.attempt for each in own if each.job)
    environment = with_write_tokens(os.environ)
    return ci_executor(job, session.config, environment, folder, cancel, used, agreed)
