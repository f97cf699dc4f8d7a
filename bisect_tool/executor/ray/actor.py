"""Prepare the process of a Ray worker for trials."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.executor.ray.node import NodeTrials
from bisect_tool.executor.ray.node_home import NodeHome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.executor.ray.messages import Place, Setup

_PACKAGES = Path(__file__).parents[3]
"""The folder into which Ray unpacked this package."""


class NodeActor(NodeTrials):
    """Runs trials in a Ray worker."""

    def __init__(self, setup: Setup) -> None:
        settle(setup.variables)
        super().__init__(setup)

    def place(self) -> Place:
        """Return the node."""
        import ray  # noqa: PLC0415 - an extra

        node, address = ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()
        return replace(super().place(), node=node, address=address)


def settle(variables: Mapping[str, str]) -> None:
    """Reset signals and variables of this process for trials, and set these variables.

    A Ray worker inherits a blocked SIGINT and an ignored SIGCHLD, with which exit codes are lost. Ray's
    variables would make a tested program use this cluster and our modules.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        del os.environ[name]
    paths = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    if kept := [path for path in paths if path and Path(path) != _PACKAGES]:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    os.environ.update(variables)


def sweep() -> None:
    """Clean up after killed actors on this node."""
    settle({})
    NodeHome.here().sweep()
