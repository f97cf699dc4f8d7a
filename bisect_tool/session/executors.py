"""Make the executor of a session: where its trials run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.executor.local import LocalExecutor

if TYPE_CHECKING:
    import threading

    from bisect_tool.executor.executor import Executor
    from bisect_tool.session.session import Session


def executor_of(session: Session, cancel: threading.Event) -> Executor:
    """The executor of the session's trials, which `cancel` ends; today it is always this machine.

    Raises:
        UsageError: these trials cannot run there.
        EnvironmentFailed: it lacks resources, such as GPUs.
    """
    return LocalExecutor(session.config, session.repository, cancel)
