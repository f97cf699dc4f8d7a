"""Ending servers with SIGTERM, and what is to be said about how they ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bisect_tool.pytest_plugin import ports
from bisect_tool.pytest_plugin.launch import SigtermMode
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.shared_memory import SharedMemory
from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.processes import title

KILL_S = 5.0


@dataclass(frozen=True)
class Teardown:
    """How a group of servers ended.

    `seconds` from SIGTERM to the last process gone (or killed at the deadline); `exit_statuses` of the roots by
    rank, as `subprocess` has them; `survivors`, the processes that lived past the deadline and were killed;
    `shm_left` and `ports_left`, what outlived every process; `error_lines`, the complaints in the logs after
    SIGTERM, each as `<log>: <line>`.
    """

    seconds: float
    exit_statuses: tuple[int | None, ...]
    survivors: tuple[str, ...]
    shm_left: tuple[str, ...]
    ports_left: tuple[int, ...]
    error_lines: tuple[str, ...]


@dataclass(frozen=True)
class Estate:
    """What belongs to a group of servers: processes, shared memory and ports."""

    tree: ProcessTree
    shared_memory: SharedMemory
    ports: tuple[int, ...]

    def observe(self) -> None:
        """Look who lives and what they use; what is never seen cannot be told from a stranger's."""
        self.shared_memory.observe(self.tree.members())


def tear_down(servers: Sequence[RankServer], estate: Estate, mode: SigtermMode, seconds: float) -> Teardown:
    """Send SIGTERM, wait until every process is gone, kill what is left after `seconds`."""
    estate.observe()
    offsets = [server.log.size() for server in servers]
    start = time.monotonic()
    for server in servers:
        server.sigterm(mode)

    def all_gone() -> bool:
        # Reaping the roots matters: one that nobody waits for stays a zombie.
        return all([server.exit_status is not None for server in servers]) and not estate.tree.members()

    def all_killed() -> bool:
        estate.tree.kill()
        return all_gone()

    wait_until(all_gone, seconds)
    survivors = tuple(f"{title(process.pid)} (pid {process.pid})" for process in estate.tree.members())
    if survivors:
        wait_until(all_killed, KILL_S)
    return Teardown(
        seconds=time.monotonic() - start,
        exit_statuses=tuple(server.exit_status for server in servers),
        survivors=survivors,
        shm_left=estate.shared_memory.left(),
        ports_left=tuple(port for port in estate.ports if not ports.is_free(port)),
        error_lines=tuple(
            f"{server.log.name}: {line}"
            for server, offset in zip(servers, offsets, strict=True)
            for line in server.log.complaints_since(offset)
        ),
    )

