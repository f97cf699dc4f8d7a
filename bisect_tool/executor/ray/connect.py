"""Create the executor of a session on a Ray cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.executor.executor import require_parallel
from bisect_tool.executor.ray.archive import pack
from bisect_tool.executor.ray.cluster import connected
from bisect_tool.executor.ray.executor import RayExecutor
from bisect_tool.executor.ray.git_objects import Sender
from bisect_tool.executor.ray.messages import Setup
from bisect_tool.trial.result_key import scenario_digest

if TYPE_CHECKING:
    import threading

    from bisect_tool.git import Repository
    from bisect_tool.trial.config import TrialConfig

LEASE_S = 120.0


def ray_executor(  # noqa: PLR0913, PLR0917 - what a session knows
    address: str,
    session: str,
    config: TrialConfig,
    repository: Repository,
    tips: tuple[str, ...],
    cancel: threading.Event,
) -> RayExecutor:
    """Return the executor of a session on a Ray cluster, not connected yet.

    Args:
        address: the cluster; `auto` for RAY_ADDRESS, or the cluster of this machine.
        session: the session's id, by which a later run finds the actors of this one.
        config: the configuration of the trials.
        repository: the repository of the commits.
        tips: the commits whose history every node gets.
        cancel: set to end the session.

    Raises:
        UsageError: these trials cannot run in parallel, or the repository cannot be sent.
    """
    require_parallel(config)
    sender = Sender(repository, tips)
    scenario = config.scenario
    setup = Setup(
        session=session,
        config=config,
        scenario=pack(scenario.folder) if scenario else b"",
        scenario_name=scenario_digest(scenario)[:16] if scenario else "",
        spec=repository.spec,
        parts=sender.parts(),
        variables={name: os.environ[name] for name in config.passed if name in os.environ},
        lease_s=LEASE_S,
    )
    return RayExecutor(setup, sender, lambda: connected(address), cancel)
