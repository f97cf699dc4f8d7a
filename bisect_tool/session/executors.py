"""Create the executor of a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.executor.executor import refused
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from bisect_tool.executor.executor import Executor
    from bisect_tool.session.session import Session
    from bisect_tool.trial.result import TrialResult


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
    if session.request.ray_address is not None:
        from bisect_tool.executor.ray.connect import ray_executor  # noqa: PLC0415 - is rarely needed

        return ray_executor(
            session.request.ray_address,
            session.id,
            session.config,
            session.repository,
            session.request.ends,
            cancel,
        )
    job = session.request.check.as_job
    if job is None:
        return LocalExecutor(session.config, session.repository, cancel)
    from bisect_tool.executor.ci.connect import ci_executor  # noqa: PLC0415 - loads an HTTP client

    folder = session.home.session(session.id)
    used = (each.job.attempt for each in own if each.job)
    environment = with_write_tokens(os.environ)
    return ci_executor(job, session.config, environment, folder, cancel, used, agreed)
