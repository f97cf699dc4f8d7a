"""Stop servers with SIGTERM, and report how they ended: exit statuses, survivors, leaks, logged errors."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.pytest_plugin.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.pytest_plugin.hosts import Hosts
    from bisect_tool.pytest_plugin.launch import SigtermMode
    from bisect_tool.pytest_plugin.rank_server import RankServer

KILL_S = 5.0


@dataclass(frozen=True)
class Teardown:
    """How a group of servers ended.

    Attributes:
        seconds: from SIGTERM until the last process had ended, or was killed after the deadline.
        exit_statuses: of the roots, by rank, as in `subprocess`; None if even SIGKILL did not end one.
        survivors: the processes that were still running at the deadline and were killed.
        shm_left: segments in /dev/shm that still existed after every process had ended.
        ports_left: ports that were still in use then.
        error_lines: errors, tracebacks and leak warnings logged after SIGTERM, as `<log>: <line>`.
    """

    seconds: float
    exit_statuses: tuple[int | None, ...]
    survivors: tuple[str, ...]
    shm_left: tuple[str, ...]
    ports_left: tuple[int, ...]
    error_lines: tuple[str, ...]


class Shutdown:
    """The shutdown of servers, observed from before the first signal is sent."""

    def __init__(self, servers: Sequence[RankServer], hosts: Hosts) -> None:
        self._servers, self._hosts = servers, hosts
        hosts.observe()
        self._offsets = [server.log.size() for server in servers]
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since the shutdown began."""
        return time.monotonic() - self._start

    def gone(self, server: RankServer) -> bool:
        """Whether this server's root and every process of its session have ended."""
        self._hosts.observe()
        return server.exit_status is not None and not server.session()

    def finish(self, mode: SigtermMode, seconds: float) -> Teardown:
        """Send SIGTERM to one server after another, wait until every process has ended, kill the rest.

        Starts with the last rank. The next one follows once its root has ended, as in the engine's own
        tests (`ExternalLBServerManager`). Each has `seconds` to end.
        """
        deadline = time.monotonic() + seconds
        for server in reversed(self._servers):
            deadline = time.monotonic() + seconds
            self._terminate(server, mode)
            wait_until(functools.partial(self._root_gone, server), seconds)
        return self._await_end(deadline - time.monotonic())

    def finish_together(self, mode: SigtermMode, seconds: float) -> Teardown:
        """Send SIGTERM to all servers at once, wait until every process has ended, kill the rest."""
        for server in self._servers:
            self._terminate(server, mode)
        return self._await_end(seconds)

    def _await_end(self, seconds: float) -> Teardown:
        in_time = wait_until(self._all_gone, seconds)
        survivors = () if in_time else self._hosts.survivors()
        if not in_time:
            wait_until(self._all_killed, KILL_S)
        return self._teardown(survivors)

    def _terminate(self, server: RankServer, mode: SigtermMode) -> None:
        if server.exit_status is not None:  # its group may still run, but its id may have been reused
            server.terminate_session()
        else:
            server.sigterm(mode)

    def _root_gone(self, server: RankServer) -> bool:
        self._hosts.observe()
        return server.exit_status is not None

    def _all_gone(self) -> bool:
        # Reading the exit status also reaps the process.
        running = [server for server in self._servers if server.exit_status is None]
        return not self._hosts.observe() and not running

    def _all_killed(self) -> bool:
        self._hosts.kill()
        return self._all_gone()

    def _teardown(self, survivors: tuple[str, ...]) -> Teardown:
        self._hosts.fetch_logs()
        return Teardown(
            seconds=self.seconds,
            exit_statuses=tuple(server.exit_status for server in self._servers),
            survivors=survivors,
            shm_left=self._hosts.shm_left(),
            ports_left=self._hosts.ports_left(),
            error_lines=tuple(
                f"{server.log.name}: {line}"
                for server, offset in zip(self._servers, self._offsets, strict=True)
                for line in server.log.error_lines_since(offset)
            ),
        )
