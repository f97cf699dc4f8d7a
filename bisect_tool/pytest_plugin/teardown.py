"""Ending servers with SIGTERM, and what is to be said about how they ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.ports import is_free
from bisect_tool.supervise.processes import title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.pytest_plugin.launch import SigtermMode
    from bisect_tool.pytest_plugin.process_tree import ProcessTree
    from bisect_tool.pytest_plugin.rank_server import RankServer
    from bisect_tool.pytest_plugin.shared_memory import SharedMemory

KILL_S = 5.0


@dataclass(frozen=True)
class Teardown:
    """How a group of servers ended.

    Attributes:
        seconds: from SIGTERM to the last process gone, or killed after the deadline.
        exit_statuses: those of the roots by rank, as `subprocess` has them; None for one that no signal ends.
        survivors: the processes that lived past the deadline and were killed.
        shm_left: segments in /dev/shm that outlived every process.
        ports_left: ports still listened on after that.
        error_lines: errors, tracebacks and leak warnings logged after SIGTERM, as `<log>: <line>`.
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

    def observe(self) -> bool:
        """Look who lives and what they use; what is never seen cannot be told from a stranger's.

        Returns whether anything lives.
        """
        members = self.tree.members()
        self.shared_memory.observe(members)
        return bool(members)


def tear_down(servers: Sequence[RankServer], estate: Estate, mode: SigtermMode, seconds: float) -> Teardown:
    """Send SIGTERM to one server after the other, wait until every process is gone, kill what is left.

    The last rank is the first, and the next one's turn comes when its root has ended, as in vLLM's own tests
    (`ExternalLBServerManager`). Each has `seconds` to end in.
    """
    estate.observe()
    offsets = [server.log.size() for server in servers]
    start = time.monotonic()
    deadline = start + seconds
    for server in reversed(servers):
        deadline = time.monotonic() + seconds
        _end(server, estate, mode, seconds)

    def all_gone() -> bool:
        running = [server for server in servers if server.exit_status is None]  # asks, and so reaps, each
        return not estate.observe() and not running

    def all_killed() -> bool:
        estate.tree.kill()
        return all_gone()

    in_time = wait_until(all_gone, deadline - time.monotonic())
    survivors = () if in_time else tuple(f"{title(p.pid)} (pid {p.pid})" for p in estate.tree.members())
    if not in_time:
        wait_until(all_killed, KILL_S)
    return Teardown(
        seconds=time.monotonic() - start,
        exit_statuses=tuple(server.exit_status for server in servers),
        survivors=survivors,
        shm_left=estate.shared_memory.left(),
        ports_left=tuple(port for port in estate.ports if not is_free(port)),
        error_lines=tuple(
            f"{server.log.name}: {line}"
            for server, offset in zip(servers, offsets, strict=True)
            for line in server.log.complaints_since(offset)
        ),
    )


def _end(server: RankServer, estate: Estate, mode: SigtermMode, seconds: float) -> None:
    """Send SIGTERM and wait for the root to end."""
    if server.exit_status is not None:  # its group may still live; its id alone no longer proves whose it is
        estate.tree.terminate(server.pid)
        return

    def root_gone() -> bool:
        estate.observe()
        return server.exit_status is not None

    server.sigterm(mode)
    wait_until(root_gone, seconds)
