"""Forks the reference engine's processes from a process that has imported its modules.

Python imports this module at its start. A spawned process takes 0.3 s of CPU time to import them, a forked
one 0.02 s; both are new processes, which only inherit what they are given. But one fork server is the parent
of all: tests of how processes end with their parents use spawned ones.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import context, forkserver

_start = forkserver.ForkServer.ensure_running


def _start_once(server: forkserver.ForkServer) -> None:
    """A forked process uses the fork server that it comes from; multiprocessing would start another."""
    if server._forkserver_address is None:
        _start(server)


forkserver.ForkServer.ensure_running = _start_once
multiprocessing.set_forkserver_preload(["refengine.server", "refengine.core", "refengine.worker"])
context._concrete_contexts["spawn"] = context.ForkServerContext()
